"""`ArrayModel`: a class that predicts on arrays, as Seldon Core's Python servers call it."""

from __future__ import annotations

import math
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import chdir, nullcontext
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from slipway.model import Contract, ContractError, Model, Parameter
from slipway.schema import moments
from slipway.wrapped.construction import taken
from slipway.wrapped.seldon import Component, Remarks

if TYPE_CHECKING:
    import pandas as pd

_MOST_CLASSES = 100


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

    def __init__(self, **parameters: Parameter) -> None:
        super().__init__(**parameters)
        self._lock = threading.Lock()
        self._said = threading.local()

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
        self._said.remarks = Remarks()
        if not len(rows):
            return []
        names = list(rows[0])
        # Dates are texts there, as in requests.
        values = [[math.nan if row[name] is None else moments.plain(row[name]) for name in names] for row in rows]
        component = self.component
        # Tags and metrics are read from the object after its answer: another request must not come between.
        with self._lock if component.remarks_on_requests else nullcontext():
            found, self._said.remarks = component.predict(_array(values, numeric=self.numeric), names)
        columns = list(map(str, getattr(found, "columns", ())))
        return [self._answer(value, columns) for value in self._listed(found)]

    def _listed(self, found: Any) -> list[Any]:
        """Return answers as a list; raise `ContractError` for what is none."""
        if isinstance(found, str | bytes | Mapping) or not hasattr(found, "__iter__"):
            problem = f"{type(self).__name__}.predict gave a {type(found).__name__}"
            raise ContractError(f"{problem}: give an array, or a list with one answer for each row")
        return _list(found)

    def remarks(self) -> Remarks:
        """Return the remarks of the class on the last request that this thread answered."""
        found: Remarks = getattr(self._said, "remarks", Remarks())
        return found

    @cached_property
    def component(self) -> Component:
        """The object of the class, loaded."""
        folder = Path(getattr(sys.modules[self.__wrapped__.__module__], "__file__", None) or ".").resolve().parent
        with chdir(folder):
            made = self.__wrapped__(**taken(self.__wrapped__, self.parameters))
            if callable(load := getattr(made, "load", None)):
                load()
        return Component(made)

    @cached_property
    def metadata(self) -> Mapping[str, Any]:
        """The metadata that the class tells about itself."""
        found = self.component.metadata() or {}
        if not isinstance(found, Mapping):
            raise ContractError(f"{type(self).__name__}.init_metadata gave a {type(found).__name__}: give a dict")
        return found

    def _answer(self, value: Any, columns: Sequence[str]) -> Any:
        values = _list(value) if hasattr(value, "__len__") and not isinstance(value, str | dict) else [value]
        if len(values) == 1:
            # A number means the class with the same value: 1.0 is the class 1.
            return next((each for each in self.outcomes if each == values[0]), values[0])
        if not (labels := self._labels(len(values), columns)):
            raise ContractError(f"{type(self).__name__}.predict gave {len(values)} values for one row of {self.name}")
        likeliest = max(range(len(values)), key=values.__getitem__)
        probabilities = {name: value for (name, _), value in zip(labels, values, strict=True)}
        return {self.name: labels[likeliest][1], "probabilities": probabilities}

    def _labels(self, count: int, columns: Sequence[str]) -> list[tuple[str, Any]]:
        """Return the name and the class of each of `count` values; an empty list if they are not probabilities.

        Columns of a DataFrame that are named as the classes are in the order of these names.
        """
        by_name = {str(outcome): outcome for outcome in self.outcomes}
        names = list(columns) if by_name.keys() == set(columns) else self.component.class_names() or list(by_name)
        if not len(self.outcomes) == len(names) == count:
            return []
        # Other names stand in the order of the classes, as scikit-learn sorts them.
        classes = [by_name[name] for name in names] if by_name.keys() == set(names) else self.outcomes
        return list(zip(names, classes, strict=True))


def _own_columns(model: type[Model]) -> list[str]:
    """Return the features and the target; data may have further columns."""
    contract = Contract.of(model)
    return [*contract.names, contract.target]


def _array(values: list[list[Any]], *, numeric: bool) -> Any:
    """Return an array of numpy, or the lists if the model comes without numpy."""
    try:
        import numpy
    except ModuleNotFoundError:
        return values
    if numeric:
        return numpy.array(values, dtype=float)
    # Cell by cell: numpy would make dimensions of lists in them.
    found = numpy.empty((len(values), len(values[0])), dtype=object)
    for place, row in enumerate(values):
        found[place, :] = numpy.fromiter(row, dtype=object, count=len(row))
    return found


def _list(found: Any) -> list[Any]:
    plain = found.to_numpy() if hasattr(found, "to_numpy") else found
    return plain.tolist() if hasattr(plain, "tolist") else list(plain)
