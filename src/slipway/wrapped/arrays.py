"""Classes that predict on arrays: `__init__(self, **parameters)` and `predict(self, X, features_names)`.

This is the convention of Seldon Core's Python servers
(https://docs.seldon.io/projects/seldon-core/en/latest/python/python_component.html). `load()`, `class_names` and the
argument `meta` are used as well; `tags()`, `metrics()` and the like are not.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Mapping, Sequence
from contextlib import chdir
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from slipway.model import ContractError, Model
from slipway.wrapped.signature import taken

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ArrayModel", "fits", "wrap"]

_MOST_CLASSES = 100


class ArrayModel(Model):
    """A class of this convention as a model. It learns nothing, and an object of it is made wherever it is loaded.

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

        *features, target = data.columns
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
            made = self.__wrapped__(**taken(self.__wrapped__, self.parameters))
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
        names = self._labels(len(values))
        if names is None:
            raise ContractError(f"{type(self).__name__}.predict gave {len(values)} values for one row of {self.name}")
        likeliest = max(range(len(values)), key=values.__getitem__)
        return {self.name: names[likeliest][1], "probabilities": {name: values[at] for at, (name, _) in names.items()}}

    def _labels(self, count: int) -> dict[int, tuple[str, Any]] | None:
        """Return the name and the class of each of `count` values; None if they are not probabilities."""
        if len(self.outcomes) != count:
            return None
        told = getattr(self._made, "class_names", None)
        names = [str(name) for name in (told() if callable(told) else told) or self.outcomes]
        if len(names) != count:
            return None
        by_name = {str(outcome): outcome for outcome in self.outcomes}
        # Other names stand in the order of the classes, as scikit-learn sorts them.
        classes = [by_name[name] for name in names] if by_name.keys() == set(names) else self.outcomes
        return {at: (name, classes[at]) for at, name in enumerate(names)}


def fits(found: type) -> bool:
    """Return True if a class has a `predict` that takes an array."""
    predict = getattr(found, "predict", None)
    if not callable(predict):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(each.kind in positional for each in inspect.signature(predict).parameters.values()) >= 2


def wrap(found: Any, own: Mapping[str, Any]) -> type[Model]:
    """Return a model around objects of the class; `own` are further attributes of the new class."""
    new: type[Model] = type(found.__name__, (ArrayModel,), dict(own))
    return new


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
