"""Model folders: which file of one has the model's class."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["FILE", "source"]

FILE = "model.py"


def source(folder: Path) -> Path:
    """The file in a model's folder that has its class: `model.py`, or the one `<Class>.py` that has a class `<Class>`.

    Where there is none of them, or several, it is `model.py`, which is not there.
    """
    if (folder / FILE).is_file():
        return folder / FILE
    found = [path for path in folder.glob("*.py") if not path.name.startswith("test_") and _has_its_class(path)]
    return found[0] if len(found) == 1 else folder / FILE


def _has_its_class(path: Path) -> bool:
    text = path.read_text(encoding="utf-8", errors="replace")
    return re.search(rf"^class {re.escape(path.stem)}\b", text, re.MULTILINE) is not None
