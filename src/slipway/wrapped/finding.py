"""Where the class of a model is: in `model.py`, or in a file of its own name beside it."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.folders import FILE
from slipway.wrapped.adapting import fits

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["class_in", "reach"]


def class_in(module: ModuleType, file: Path) -> Any:
    """The class in the module of `file` that keeps a convention and is no `Model`; None where there is none, or two."""
    if file.name != FILE:
        return getattr(module, file.stem, None)
    found = {id(each): each for each in vars(module).values() if fits(each) and each.__module__ == module.__name__}
    return next(iter(found.values())) if len(found) == 1 else None


def reach(entry: str) -> None:
    """Let modules beside that of `entry` be imported by their bare names, as they are where the class comes from.

    Those of the same name that came from another folder are forgotten. A `model.py` says where its modules are. Raises
    `ModuleNotFoundError` when there is no such package.
    """
    spec = None if entry.endswith(f".{Path(FILE).stem}") else find_spec(entry)
    if spec is not None and spec.origin is not None:
        _beside(Path(spec.origin).parent)


def _beside(folder: Path) -> None:
    names = {path.stem for path in folder.glob("*.py")} | {path.parent.name for path in folder.glob("*/__init__.py")}
    for name in names:
        file = getattr(sys.modules.get(name), "__file__", None)
        if file and "model" in Path(file).parts and not Path(file).resolve().is_relative_to(folder.resolve()):
            for module in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
                del sys.modules[module]
    others = [path for path in sys.path if path != str(folder)]
    sys.path[:] = [*others, str(folder)]
