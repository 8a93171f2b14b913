"""Graphs in the form of earlier artifacts: texts among their inputs, and labels among their outputs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from slipway.artifacts.onnx.estimator import GraphEstimator, column_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEY = "slipway"
"""The key in the graph's metadata under which `Source` stands, as JSON."""

_TYPES = {"tensor(double)": "float64", "tensor(float)": "float32", "tensor(int64)": "int64"}


class _Method(msgspec.Struct, frozen=True, kw_only=True):
    """The output of the graph that is a method's result, and the form in which scikit-learn returns it."""

    output: str
    dtype: str
    """As numpy writes it: `<U10`."""
    flat: bool
    """True when each row has one value, not a list of values."""
    column: int | None = None
    """The place of the value to take where the output has several for each row."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """The estimator that a graph was made of."""

    type: str
    columns: tuple[str, ...] | None
    """The names of the columns that it takes; None for rows of `width` numbers."""
    width: int
    merged: bool = False
    """True when the columns, in their order, become rows of numbers for the graph."""
    gaps: tuple[int, ...]
    """The columns, counted from 0, in which numbers may be missing."""
    methods: dict[str, _Method]
    attributes: dict[str, Any]
    """As `slipway.artifacts.values` writes them; an array is `{"$array": [type, values]}`."""


class EarlierGraph(GraphEstimator):
    """A converted estimator with the methods and attributes that predicting needs; their types are those of before.

    A method takes rows of numbers (shape `(n, width)`), or a table of named columns: a DataFrame, a dict of columns, or
    dicts by name. It raises `ValueError` for another shape, and for a missing number where training had none.
    """

    def __init__(self, computing: Any, source: Source) -> None:
        super().__init__(computing, source)
        self._inputs = [(each.name, _TYPES.get(each.type)) for each in computing.get_inputs()]
        for name, method in source.methods.items():
            setattr(self, name, partial(self._call, method))

    def _call(self, method: _Method, values: Any) -> NDArray[Any]:
        columns = self._source.columns
        if columns is not None and self._source.merged:
            values = _side_by_side([column_of(values, name) for name in columns])
            columns = None
        fed = self._matrix(values) if columns is None else self._named(values)
        (found,) = self._session.run([method.output], fed)
        return _shaped(found, method)

    def _matrix(self, values: Any) -> dict[str, Any]:
        import numpy

        ((name, dtype),) = self._inputs
        found = numpy.asarray(values, dtype="float64")
        if found.ndim != 2 or found.shape[1] != self._source.width:
            raise ValueError(f"rows of {self._source.width} numbers are needed; the shape is {found.shape}")
        missing = numpy.isnan(found)
        if missing.any():
            self._check(missing.any(axis=0).nonzero()[0].tolist())
        return {name: found.astype(dtype, copy=False)}

    def _named(self, table: Any) -> dict[str, Any]:
        import numpy

        fed = {}
        for at, (name, dtype) in enumerate(self._inputs):
            column = column_of(table, name)
            if dtype is None:
                found = numpy.asarray(column, dtype=object)
                if not all(type(value) is str for value in found):
                    raise ValueError(f"a text is missing in {name}")
            else:
                found = numpy.asarray(column, dtype="float64")
                if numpy.isnan(found).any():
                    self._check([at])
                found = found.astype(dtype, copy=False)
            fed[name] = found.reshape(-1, 1)
        return fed

    def _check(self, missing: Sequence[int]) -> None:
        if unknown := sorted(set(missing) - set(self._source.gaps)):
            raise ValueError(f"a number is missing in column {unknown[0]}, where none ever was")


def _shaped(found: Any, method: _Method) -> NDArray[Any]:
    """Return the graph's output in the form in which scikit-learn returns it."""
    import numpy

    array = numpy.asarray(found)
    if method.column is not None:
        array = array[:, method.column]
    if method.flat and array.ndim > 1:
        array = array.reshape(-1)
    return array.astype(method.dtype, copy=False)


def _side_by_side(columns: list[Any]) -> NDArray[Any]:
    import numpy

    return numpy.array(columns, dtype="float64").T
