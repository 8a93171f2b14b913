"""Classes that predict on arrays: `__init__(self, **parameters)` and `predict(self, X, features_names)`.

That is the convention of Seldon Core's Python servers
(https://docs.seldon.io/projects/seldon-core/en/latest/python/python_component.html). Of what else it knows, `load()`,
`class_names` and the argument `meta` are used; `tags()`, `metrics()` and the like are asked for by nobody here.
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

__all__ = ["ArrayModel", "adapt", "fits"]

_MOST_CLASSES = 100


class ArrayModel(Model):
    """A class of that convention as a model. It learns nothing: it is made anew wherever it is loaded.

    It finds its files in its own folder, where it lies, and which is the working directory while it is made.
    """

    __wrapped__: ClassVar[Any]

    outcomes: Sequence[Any] = ()
    """The classes among the target's values, sorted; none where the target is a quantity."""
    name: str = ""
    """The target."""
    numeric: bool = True
    """Whether all features are numbers, so that the array is one of numbers."""

    def train(self, data: pd.DataFrame) -> None:
        """See what the columns hold."""
        from pandas.api import types

        *features, target = data.columns
        values = data[target].unique().tolist()
        few = len(values) <= _MOST_CLASSES and not types.is_float_dtype(data[target])
        self.name = str(target)
        self.outcomes = sorted(values) if few else []
        self.numeric = all(types.is_numeric_dtype(data[feature]) for feature in features)

    def predict(self, rows: Sequence[Any]) -> Sequence[Any]:
        """See `Model.predict`; of probabilities, one for each class, the answer tells the likeliest class and all."""
        if not len(rows):
            return []
        names = list(rows[0])
        values = [[math.nan if row[name] is None else row[name] for name in names] for row in rows]
        found = self._made.predict(_array(values, numeric=self.numeric), *self._words(names))
        return [self._answer(value) for value in _list(found)]

    @cached_property
    def _made(self) -> Any:
        """The object itself, loaded."""
        folder = Path(getattr(sys.modules[self.__wrapped__.__module__], "__file__", None) or ".").resolve().parent
        with chdir(folder):
            made = self.__wrapped__(**taken(self.__wrapped__, self.parameters))
            if callable(load := getattr(made, "load", None)):
                load()
        return made

    def _words(self, names: list[str]) -> list[Any]:
        """What it takes beside the array: the features' names and `meta`, of which there is nothing to tell."""
        takes = list(inspect.signature(self._made.predict).parameters.values())[1:]
        return [{} if each.name == "meta" else names for each in takes if each.kind is each.POSITIONAL_OR_KEYWORD][:2]

    def _answer(self, value: Any) -> Any:
        values = _list(value) if hasattr(value, "__len__") and not isinstance(value, str | dict) else [value]
        if len(values) == 1:
            # Numbers stand for classes that are numbers, whatever their type.
            return next((each for each in self.outcomes if each == values[0]), values[0])
        names = self._labels(len(values))
        if names is None:
            raise ContractError(f"{type(self).__name__}.predict gave {len(values)} values for one row of {self.name}")
        likeliest = max(range(len(values)), key=values.__getitem__)
        return {self.name: names[likeliest][1], "probabilities": {name: values[at] for at, (name, _) in names.items()}}

    def _labels(self, count: int) -> dict[int, tuple[str, Any]] | None:
        """For each place among `count` values its name and its class; None where they are no probabilities."""
        if len(self.outcomes) != count:
            return None
        told = getattr(self._made, "class_names", None)
        names = [str(name) for name in (told() if callable(told) else told) or self.outcomes]
        if len(names) != count:
            return None
        by_name = {str(outcome): outcome for outcome in self.outcomes}
        # Names of its own stand in the order of the classes, as scikit-learn sorts them.
        classes = [by_name[name] for name in names] if by_name.keys() == set(names) else self.outcomes
        return {at: (name, classes[at]) for at, name in enumerate(names)}


def fits(found: type) -> bool:
    """Whether a class has a `predict` of an array."""
    predict = getattr(found, "predict", None)
    if not callable(predict):
        return False
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(each.kind in positional for each in inspect.signature(predict).parameters.values()) >= 2


def adapt(found: Any, own: Mapping[str, Any]) -> type[Model]:
    """A model around objects of the class; `own` is what else the new class says."""
    new: type[Model] = type(found.__name__, (ArrayModel,), dict(own))
    return new


def _array(values: list[list[Any]], *, numeric: bool) -> Any:
    """An array of numpy where the model brings it, of numbers or of objects; lists where it does not."""
    try:
        import numpy
    except ModuleNotFoundError:
        return values
    return numpy.array(values, dtype=float if numeric else object)


def _list(found: Any) -> list[Any]:
    plain = found.to_numpy() if hasattr(found, "to_numpy") else found
    return plain.tolist() if hasattr(plain, "tolist") else list(plain)
