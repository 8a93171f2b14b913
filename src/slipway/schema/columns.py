"""Checked rows, to be had as rows or as columns."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from slipway.schema import moments
from slipway.schema.moments import is_dated
from slipway.schema.schema import LARGEST, Field, Kind, Schema

if TYPE_CHECKING:  # a model without numpy does without it
    from numpy.typing import NDArray

_TYPES: dict[Kind, str] = {"number": "float64", "integer": "int64", "boolean": "bool"}
_WITH_GAPS: dict[Kind, str] = {"number": "float64", "integer": "float64"}


class Columns:
    """Rows that fit a schema, by column, as a DataFrame has them.

    `columns["length"]` is an array of numpy with one value for each row: float64 for numbers, int64 for whole numbers,
    bool, objects for texts, and datetime64 for dates and times, in UTC where these have a zone; of lists of numbers, it
    is a matrix with a row for each. A missing value is NaN or NaT; where one is allowed, whole numbers are float64, and
    truth values are objects. `columns[["length", "width"]]` is a matrix of float64 with these two, `columns[2:5]` has
    these rows, and `len(columns)` is the number of rows.
    """

    def __init__(self, schema: Schema, rows: Sequence[tuple[Any, ...]]) -> None:
        """Take checked `rows`: the values of the fields in their order, None for a missing one."""
        self._schema = schema
        self._rows = rows
        # Made when first asked for: all columns side by side, where all are numbers, and each as a tuple.
        self._matrix: NDArray[Any] | None = None
        self._columns: Sequence[Sequence[Any]] | None = None

    @classmethod
    def of(cls, schema: Schema, rows: Sequence[Mapping[str, Any]]) -> Columns:
        """Return the columns of rows as `Schema.parse` gives them."""
        return cls(schema, [tuple(row[name] for name in schema.names) for row in rows])

    @classmethod
    def fitting(cls, schema: Schema, given: Mapping[str, Sequence[Any]], count: int) -> Columns | None:
        """Return the columns of `count` rows, which a caller gives by column, as `Schema.parse` would read the rows.

        Return None unless all values surely fit; then the rows have to be parsed. A field without a column is one that
        a row may leave out.
        """
        columns = []
        for field in schema.fields:
            values = given.get(field.name)
            fit = [field.absent] * count if values is None else fitting(field, values)
            if fit is None:
                return None
            columns.append(fit)
        return cls(schema, list(zip(*columns, strict=True)))

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self._schema.names)

    def __getitem__(self, wanted: Any) -> Any:
        """Return a column by its name, a matrix by several names, or some rows by a slice."""
        if isinstance(wanted, slice):
            return Columns(self._schema, self._rows[wanted])
        if isinstance(wanted, str):
            return self._array(self._schema.fields[self._schema.places[wanted]])
        return self.matrix(tuple(wanted))

    def dicts(self, missing: Any = None) -> list[dict[str, Any]]:
        """Return the rows as dicts; `missing` stands for a missing value."""
        names = self._schema.names
        rows = [dict(zip(names, row, strict=True)) for row in self._rows]
        for name in self._schema.optional if missing is not None else ():
            for row in rows:
                if row[name] is None:
                    row[name] = missing
        return rows

    def values(self, name: str) -> Sequence[Any]:
        """Return the values of a column as Python has them; NaN stands for a missing value."""
        values = self._split()[self._schema.places[name]]
        if name not in self._schema.optional:
            return values
        return [math.nan if value is None else value for value in values]

    def has_numbers(self, names: Iterable[str]) -> bool:
        """Return True if each of these columns holds numbers or truth values."""
        return (self._schema.all_numeric and names == self._schema.names) or self._schema.numeric.issuperset(names)

    def matrix(self, names: tuple[str, ...]) -> NDArray[Any]:
        """Return the columns side by side as float64; raise `ValueError` for texts."""
        # Always a copy, which may be changed.
        if self._schema.all_numeric and names == self._schema.names:
            return self._whole().copy()
        places = [self._schema.places[name] for name in names]
        if not self.has_numbers(names):
            text = next(name for name in names if name not in self._schema.numeric)
            raise ValueError(f"{text} holds no numbers, and a matrix does")
        if self._schema.all_numeric:
            return self._whole()[:, places]
        import numpy

        columns = self._split()
        return numpy.array([columns[place] for place in places], dtype="float64").T

    def _array(self, field: Field) -> NDArray[Any]:
        import numpy

        if field.kind == "number" and self._schema.all_numeric:
            return self._whole()[:, self._schema.places[field.name]].copy()
        if field.kind == "array":
            return self._lists(field)
        if is_dated(field.kind):
            return moments.array(field.kind, self._split()[self._schema.places[field.name]])
        dtype = (_WITH_GAPS if field.optional else _TYPES).get(field.kind, "object")
        return numpy.array(self.values(field.name), dtype=dtype)

    def _lists(self, field: Field) -> NDArray[Any]:
        import numpy

        gap = [math.nan] * field.length
        values = [gap if value is None else value for value in self._split()[self._schema.places[field.name]]]
        return numpy.array(values, dtype="float64").reshape(len(values), field.length)

    def _whole(self) -> NDArray[Any]:
        if self._matrix is None:
            import numpy

            shape = len(self._rows), len(self._schema.fields)
            flat, count = chain.from_iterable(self._rows), math.prod(shape)
            if self._schema.optional:  # numpy takes None for NaN
                values = numpy.fromiter(flat, "float64", count)
            else:  # in half the time
                values = numpy.frombuffer(struct.pack(f"{count}d", *flat))
            self._matrix = values.reshape(shape)
        return self._matrix

    def _split(self) -> Sequence[Sequence[Any]]:
        if self._columns is None:
            self._columns = list(zip(*self._rows, strict=True)) if self._rows else [()] * len(self._schema.fields)
        return self._columns


def fitting(field: Field, values: Sequence[Any]) -> Sequence[Any] | None:
    """Return the values of a column as `Field.parse` gives each of them; None unless all surely fit."""
    present = [value for value in values if value is not None] if field.optional else values
    kinds = set(map(type, present))
    if is_dated(field.kind):
        return _dated(field, values) if kinds <= {str} else None
    if field.kind == "array":
        return _lists(field, values, present) if kinds <= {list} else None
    if field.categories and field.kind == "number":
        return None
    if field.kind == "number" and kinds <= {int, float}:
        return _floats(field, values, present)
    if field.kind not in _PLAIN or not kinds <= {_PLAIN[field.kind]}:
        return None
    fits = set(present) <= set(field.categories) if field.categories else True
    return values if fits and _is_within(field, present) else None


def _dated(field: Field, values: Sequence[str | None]) -> Sequence[Any] | None:
    try:
        return list(map(field.parse, values))
    except ValueError:
        return None


def _lists(field: Field, values: Sequence[Any], present: Sequence[list[Any]]) -> Sequence[Any] | None:
    flat = list(chain.from_iterable(present))
    if set(map(len, present)) <= {field.length} and set(map(type, flat)) <= {int, float}:
        found = _floats(field, flat, flat)
        numbers = iter(found or ())
        if found is not None:
            return [value if value is None else list(islice(numbers, field.length)) for value in values]
    return None


def _floats(field: Field, values: Sequence[Any], present: Sequence[float]) -> Sequence[float | None] | None:
    try:
        found = list(map(float, present))
    except OverflowError:
        return None
    if not all(map(math.isfinite, found)) or not _is_within(field, found):
        return None
    return found if len(found) == len(values) else [value if value is None else float(value) for value in values]


def _is_within(field: Field, present: Sequence[Any]) -> bool:
    if not len(present) or field.kind not in ("number", "integer", "array"):
        return True
    least, most = min(present), max(present)
    if field.kind == "integer" and not -LARGEST <= least <= most <= LARGEST:
        return False
    return (field.minimum is None or least >= field.minimum) and (field.maximum is None or most <= field.maximum)


_PLAIN: dict[Kind, type] = {"integer": int, "boolean": bool, "string": str}
