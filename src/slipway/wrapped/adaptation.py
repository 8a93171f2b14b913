"""A class of another convention, found, adapted to `Model`, and given the modules that it imports."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from slipway.model import ContractError, Model, Parameter
from slipway.wrapped.arrays import ArrayModel
from slipway.wrapped.construction import parameters_of, taken
from slipway.wrapped.frames import ASIDE, METHODS, ModelWrapper
from slipway.wrapped.seldon import refuse_unused, stand_in, written


def fits(found: Any) -> bool:
    """Return True for a class that keeps one of the conventions and is not a `Model` itself."""
    return inspect.isclass(found) and not issubclass(found, Model) and (_takes_frames(found) or _takes_arrays(found))


def adapted(
    found: type, given: Mapping[str, Parameter] | None = None, *, features: Sequence[str] = (), target: str = ""
) -> type[Model]:
    """Return a `Model` around the class; return a `Model` as it is.

    `given` are values for parameters of its `__init__`; `features` and `target` are the columns, if it does not name
    them itself. Raise `ContractError` when it keeps no convention, or when its `__init__` needs more than `given`.
    """
    if issubclass(found, Model):
        return found
    if not fits(found):
        what = "prep_and_train(self, data) and prep_and_predict(self, data), or predict(self, X, features_names)"
        raise ContractError(f"{found.__name__} is no slipway.model.Model and has neither {what}")
    own: dict[str, Any] = {
        "__module__": found.__module__,
        "__qualname__": found.__qualname__,
        "__doc__": found.__doc__,
        "__wrapped__": found,
        "parameters": parameters_of(found, given or {}),
        "tolerance": getattr(found, "tolerance", Model.tolerance),
    }
    if target:
        own |= {"source_features": list(features), "target_variable": target}
    if not _takes_frames(found):
        return type(found.__name__, (ArrayModel,), own)

    def made(self: Any, **parameters: Any) -> None:
        Model.__init__(self, **parameters)
        found.__init__(self, **taken(found, self.parameters))
        if target:
            _check_columns(self)

    # The platform calls these, and not methods of the same names that the class may have.
    own |= {"__init__": made, "train": ModelWrapper.train, "predict": ModelWrapper.predict}
    return type(found.__name__, (found, ModelWrapper), own)


def declared(found: type, given: Mapping[str, Parameter]) -> tuple[list[str], str]:
    """Return the features and the target that a class names, or an object of it; empty for what it does not name.

    Raise whatever its `__init__` raises, and `ContractError` when that needs more than `given`.
    """
    named: Any = found
    if _takes_frames(found) and not hasattr(found, "target_variable"):
        named = found(**taken(found, parameters_of(found, given)))
    return list(getattr(named, "source_features", ())), getattr(named, "target_variable", "")


def check_methods(found: type) -> None:
    """Raise `ContractError` for a method of a convention that nothing would call."""
    if fits(found) and not _takes_frames(found):
        refuse_unused(found)


def unused(model: type[Model]) -> list[str]:
    """Return the methods of a foreign class that are harmless and not called."""
    found = getattr(model, "__wrapped__", None)
    return [name for name in ASIDE if found and _takes_frames(found) and callable(written(found, name))]


def _check_columns(model: Any) -> None:
    """Raise `ContractError` where an object names other columns than those that were read from its class."""
    for name in ("source_features", "target_variable"):
        own, known = getattr(model, name), getattr(type(model), name)
        if list(own) != list(known):
            problem = f"{type(model).__name__}.__init__ sets {name} to {own!r}, and {known!r} is known"
            raise ContractError(f"{problem}: it must not depend on parameters")


def _takes_frames(found: type) -> bool:
    return all(callable(getattr(found, method, None)) for method in METHODS)


def _takes_arrays(found: type) -> bool:
    predict = written(found, "predict")
    if not callable(predict):
        return False
    takes = [each.kind for each in inspect.signature(predict).parameters.values()]
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(kind in positional for kind in takes) >= 2 or inspect.Parameter.VAR_POSITIONAL in takes


def reach(entry: str) -> None:
    """Let the module `entry` of a foreign class import modules of its folder by their bare names.

    Forget modules of the same names from other folders. A `model.py` imports by full names. Names of `seldon_core` can
    be imported where it is not installed. Raise `ModuleNotFoundError` when the package of `entry` does not exist.
    """
    stand_in()
    spec = None if entry.endswith(".model") else find_spec(entry)
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
