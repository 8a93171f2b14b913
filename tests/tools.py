"""Tools that are not Python: where they are, and how to get one that is missing."""

import os
import shutil
from pathlib import Path

import pytest

__all__ = ["find"]

_ROOT = Path(__file__).parents[1]


def find(name: str, module: str) -> str:
    """The path of a tool; without it the test is skipped, or fails in CI, where nothing may be skipped.

    `module` is what `go install` makes it from, at its pinned version.
    """
    bin_folder = _ROOT / ".tools/bin"
    places = [os.environ["PATH"], str(bin_folder), str(Path("~/go/bin").expanduser())]
    if found := shutil.which(name, path=os.pathsep.join(places)):
        return found
    reason = f"{name} is missing: GOBIN={bin_folder} go install {module}"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
