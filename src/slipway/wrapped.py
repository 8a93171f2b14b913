"""Classes that were written for another serving system, adapted to `Model`.

There are two conventions. `ModelWrapper` trains and predicts on a whole DataFrame: `prep_and_train(self, data)` and
`prep_and_predict(self, data)`. `ArrayModel` predicts on arrays: `predict(self, X, features_names)`, as Seldon Core's
Python servers do (https://docs.seldon.io/projects/seldon-core/en/latest/python/python_component.html). Its `load()`,
`class_names` and the argument `meta` are used as well; `tags()`, `metrics()` and the like are not.

Serving imports this module, so it needs only the standard library.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Mapping, Sequence
from contextlib import chdir
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from slipway.model import Contract, ContractError, Model, Parameter, fields_in, frame, typed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ArrayModel", "ModelWrapper", "adapted", "fits", "reach"]

_METHODS = ("prep_and_train", "prep_and_predict")
_MOST_CLASSES = 100


class ModelWrapper(Model):
    """A model that prepares its data itself: write `prep_and_train` and `prep_and_predict`, which take a DataFrame.

    The attributes that `prep_and_train` sets on `self` are saved with the model.
    """

    def prep_and_train(self, data: pd.DataFrame) -> None:
        """Learn from `data`: the source features, the target, then all other columns of the data."""
        raise NotImplementedError

    def prep_and_predict(self, data: pd.DataFrame) -> Any:
        """Return one prediction per row of `data` (the source features): a list, an array, a Series or a DataFrame."""
        raise NotImplementedError

    def train(self, data: pd.DataFrame) -> None:
        """See `Model.train`."""
        for method in _METHODS:
            if getattr(type(self), method) is getattr(ModelWrapper, method):
                raise ContractError(f"{type(self).__name__}.{method} is not written")
        self._learned = fields_in(data[list(Contract.of(type(self)).names)])
        self.prep_and_train(typed(self, data))

    def predict(self, rows: Sequence[Any]) -> Sequence[Any]:
        """See `Model.predict`."""
        found = self.prep_and_predict(frame(self, rows))
        if getattr(found, "ndim", 1) == 2 and found.shape[1] == 1:  # a column is as good as a list
            found = getattr(found, "values", found)[:, 0]
        return found  # type: ignore[no-any-return]


class ArrayModel(Model):
    """A class that predicts on arrays. It learns nothing, and an object of it is made wherever it is loaded.

    The class's own folder is the working directory while the object is made, so that it finds its files.
    """

    __wrapped__: ClassVar[Any]

    outcomes: Sequence[Any] = ()
    """The classes of the target, sorted; empty for a quantity."""
    name: str = ""
    """The target."""
    numeric: bool = True
    """True if all features are numbers. The array then holds numbers, otherwise objects."""

    def train(self, data: pd.DataFrame) -> None:
        """Note the classes of the target, and which types the features have."""
        from pandas.api import types

        *features, target = _own_columns(type(self))
        values = data[target].unique().tolist()
        few = len(values) <= _MOST_CLASSES and not types.is_float_dtype(data[target])
        self.name = str(target)
        self.outcomes = sorted(values) if few else []
        self.numeric = all(types.is_numeric_dtype(data[feature]) for feature in features)

    def predict(self, rows: Sequence[Any]) -> Sequence[Any]:
        """See `Model.predict`. Answer probabilities, one per class, with the likeliest class and all of them."""
        if not len(rows):
            return []
        names = list(rows[0])
        values = [[math.nan if row[name] is None else row[name] for name in names] for row in rows]
        found = self._made.predict(_array(values, numeric=self.numeric), *self._words(names))
        return [self._answer(value) for value in _list(found)]

    @cached_property
    def _made(self) -> Any:
        """The object of the class, loaded."""
        folder = Path(getattr(sys.modules[self.__wrapped__.__module__], "__file__", None) or ".").resolve().parent
        with chdir(folder):
            made = self.__wrapped__(**_taken(self.__wrapped__, self.parameters))
            if callable(load := getattr(made, "load", None)):
                load()
        return made

    def _words(self, names: list[str]) -> list[Any]:
        """Return the further arguments of `predict`: the names of the features, and an empty `meta`."""
        takes = list(inspect.signature(self._made.predict).parameters.values())[1:]
        return [{} if each.name == "meta" else names for each in takes if each.kind is each.POSITIONAL_OR_KEYWORD][:2]

    def _answer(self, value: Any) -> Any:
        values = _list(value) if hasattr(value, "__len__") and not isinstance(value, str | dict) else [value]
        if len(values) == 1:
            # A number means the class with the same value: 1.0 is the class 1.
            return next((each for each in self.outcomes if each == values[0]), values[0])
        if not (labels := self._labels(len(values))):
            raise ContractError(f"{type(self).__name__}.predict gave {len(values)} values for one row of {self.name}")
        likeliest = max(range(len(values)), key=values.__getitem__)
        probabilities = {name: value for (name, _), value in zip(labels, values, strict=True)}
        return {self.name: labels[likeliest][1], "probabilities": probabilities}

    def _labels(self, count: int) -> list[tuple[str, Any]]:
        """Return the name and the class of each of `count` values; an empty list if they are not probabilities."""
        told = getattr(self._made, "class_names", None)
        names = [str(name) for name in (told() if callable(told) else told) or self.outcomes]
        if not len(self.outcomes) == len(names) == count:
            return []
        by_name = {str(outcome): outcome for outcome in self.outcomes}
        # Other names stand in the order of the classes, as scikit-learn sorts them.
        classes = [by_name[name] for name in names] if by_name.keys() == set(names) else self.outcomes
        return list(zip(names, classes, strict=True))


def _own_columns(model: type[Model]) -> list[str]:
    """Return the features and the target; data may have further columns."""
    contract = Contract.of(model)
    return [*contract.names, contract.target]


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
        "parameters": _parameters_of(found, given or {}),
        "tolerance": getattr(found, "tolerance", Model.tolerance),
    }
    if target:
        own |= {"source_features": list(features), "target_variable": target}
    if not _takes_frames(found):
        return type(found.__name__, (ArrayModel,), own)

    def made(self: Any, **parameters: Any) -> None:
        Model.__init__(self, **parameters)
        found.__init__(self, **_taken(found, self.parameters))

    # The platform calls these, and not methods of the same names that the class may have.
    own |= {"__init__": made, "train": ModelWrapper.train, "predict": ModelWrapper.predict}
    return type(found.__name__, (found, ModelWrapper), own)


def _takes_frames(found: type) -> bool:
    return all(callable(getattr(found, method, None)) for method in _METHODS)


def _takes_arrays(found: type) -> bool:
    predict = getattr(found, "predict", None)
    if not callable(predict):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(each.kind in positional for each in inspect.signature(predict).parameters.values()) >= 2


def _parameters_of(found: type, given: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return the names and defaults of the arguments of `__init__`; `given` are values for those without a default.

    Raise `ContractError` for an argument that has no default and is not given.
    """
    takes = _arguments(found)
    known: dict[str, Parameter] = {}
    for name, argument in takes.items():
        if argument.kind is argument.VAR_KEYWORD:
            known |= {each: value for each, value in given.items() if each not in takes}
        elif type(argument.default) in (bool, int, float, str):
            known[name] = argument.default
        elif name in given:
            known[name] = given[name]
        elif argument.default is argument.empty and argument.kind is not argument.VAR_POSITIONAL:
            raise ContractError(f"{found.__name__}.__init__ needs {name!r}: set it among the model's parameters")
    return known


def _taken(found: type, parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return the parameters that `__init__` takes."""
    takes = _arguments(found)
    anything = any(argument.kind is argument.VAR_KEYWORD for argument in takes.values())
    return {name: value for name, value in parameters.items() if anything or name in takes}


def _arguments(found: type) -> dict[str, inspect.Parameter]:
    made = vars(found).get("__init__") or getattr(found, "__init__", None)
    if made is None or made is object.__init__:
        return {}
    _, *arguments = inspect.signature(made).parameters.values()
    return {argument.name: argument for argument in arguments}


def _array(values: list[list[Any]], *, numeric: bool) -> Any:
    """Return an array of numpy, or the lists if the model comes without numpy."""
    try:
        import numpy
    except ModuleNotFoundError:
        return values
    return numpy.array(values, dtype=float if numeric else object)


def _list(found: Any) -> list[Any]:
    plain = found.to_numpy() if hasattr(found, "to_numpy") else found
    return plain.tolist() if hasattr(plain, "tolist") else list(plain)


def reach(entry: str) -> None:
    """Let the module `entry` of a foreign class import modules of its folder by their bare names.

    Forget modules of the same names from other folders. Do nothing for a `model.py`, which imports by full names. Raise
    `ModuleNotFoundError` when the package of `entry` does not exist.
    """
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
