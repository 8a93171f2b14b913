"""Model folders: the file with the model's class, and the import of modules from the same folder."""

from __future__ import annotations

import re
import sys
from importlib.util import find_spec
from pathlib import Path

FILE = "model.py"


def source(folder: Path) -> Path:
    """Return the file with the class of a model: `model.py`, or else the only `<Class>.py` with a class `<Class>`.

    Return the path of the missing `model.py` when no file or several files match.
    """
    if (folder / FILE).is_file():
        return folder / FILE
    found = [path for path in folder.glob("*.py") if not path.name.startswith("test_") and _has_its_class(path)]
    return found[0] if len(found) == 1 else folder / FILE


def _has_its_class(path: Path) -> bool:
    text = path.read_text(encoding="utf-8", errors="replace")
    return re.search(rf"^class {re.escape(path.stem)}\b", text, re.MULTILINE) is not None


def reach(entry: str) -> None:
    """Let the module `entry` of a foreign class import modules of its folder by their bare names.

    Forget modules of the same names from other folders. Do nothing for a `model.py`, which imports by full names. Raise
    `ModuleNotFoundError` when the package of `entry` does not exist.
    """
    spec = None if entry.endswith(f".{Path(FILE).stem}") else find_spec(entry)
    if spec is not None and spec.origin is not None:
        _put_on_path(Path(spec.origin).parent)


def _put_on_path(folder: Path) -> None:
    names = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    for name in names:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file and "model" in Path(file).parts and not Path(file).resolve().is_relative_to(folder.resolve()):
            for module in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
                del sys.modules[module]
    others = [path for path in sys.path if path != str(folder)]
    sys.path[:] = [*others, str(folder)]
