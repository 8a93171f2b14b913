"""The quick reading of rows in JSON: decoded once, into the types of a schema's fields.

It is made for what nearly every caller sends, rows that fit. For anything else, and for all that it is not sure of, it
has no answer, and the reader asks `Schema.parse`, which finds all that is wrong.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from slipway.schema.columns import Columns, fitting
from slipway.schema.moments import is_dated
from slipway.schema.schema import LARGEST, Field, Schema

# From so many bytes on, numpy counts faster than Python does.
_LONG = 1 << 14


class Decoded(NamedTuple):
    """The rows in a body; `many` is False for a single object outside of a list."""

    rows: Columns
    many: bool


class Decoder:
    """A decoder of the rows of one schema; `of` makes it."""

    def __init__(self, schema: Schema, types: Sequence[Any]) -> None:
        self._schema = schema
        fields = schema.fields
        # Each field has a plain name here, as its own may be no name in Python.
        names = [f"f{place}" for place in range(len(fields))]
        row = msgspec.defstruct(
            "Row",
            [_declared(*each) for each in zip(names, fields, types, strict=True)],
            rename=dict(zip(names, (field.name for field in fields), strict=True)),
            forbid_unknown_fields=True,
            kw_only=True,
            gc=False,
        )
        self._decoder = msgspec.json.Decoder(list[row] | row)  # type: ignore[valid-type]
        self._texts = sum(_is_text(field) for field in fields)
        self._dates = [place for place, field in enumerate(fields) if is_dated(field.kind)]
        self._gaps = [place for place, field in enumerate(fields) if not field.needed]
        self._defaults = [field.absent for field in fields]

    @classmethod
    def of(cls, schema: Schema) -> Decoder | None:
        """Return the decoder of a schema; None where a field is of a kind that msgspec reads differently."""
        types = [_type(field) for field in schema.fields]
        return None if None in types else cls(schema, types)

    def read(self, body: bytes) -> Decoded | None:
        """Return the rows in a body, as `Schema.parse` gives them; None unless they surely fit."""
        try:
            found = self._decoder.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        many = isinstance(found, list)
        rows = list(map(msgspec.structs.astuple, found if many else [found]))
        # msgspec lets a key pass that stands twice: then there are more quotation marks than the rows need. There are
        # more, too, where a text has one, which the slow way reads.
        if _quotes(body) != 2 * self._strings(rows):
            return None
        dated = self._dated(rows)
        return None if dated is None else Decoded(Columns(self._schema, self._filled(dated)), many)

    def _strings(self, rows: Sequence[tuple[Any, ...]]) -> int:
        """Return the number of strings in the JSON of these rows: keys and texts."""
        found = len(rows) * (len(self._schema.fields) + self._texts)
        for place in self._gaps:
            column = [row[place] for row in rows]
            absent = column.count(msgspec.UNSET)
            found -= absent
            if _is_text(self._schema.fields[place]):
                found -= absent + column.count(None)
        return found

    def _dated(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]] | None:
        """Return the rows with dates and times in place of their texts; None unless all texts surely are some."""
        if not self._dates or not rows:
            return rows
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for place in self._dates:
            present = [value for value in columns[place] if value is not msgspec.UNSET]
            found = fitting(self._schema.fields[place], present)
            if found is None:
                return None
            left = iter(found)
            columns[place] = [value if value is msgspec.UNSET else next(left) for value in columns[place]]
        return list(zip(*columns, strict=True))

    def _filled(self, rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        """Put the default in the place of each value that a row leaves out."""
        if not self._gaps:
            return rows
        return [
            tuple(
                default if value is msgspec.UNSET else value for value, default in zip(row, self._defaults, strict=True)
            )
            if msgspec.UNSET in row
            else row
            for row in rows
        ]


def _declared(name: str, field: Field, type_: Any) -> Any:
    given = type_ | None if field.optional else type_
    return (name, given) if field.needed else (name, given | msgspec.UnsetType, msgspec.UNSET)


def _type(field: Field) -> Any:
    """Return the type of a field for msgspec; None if there is none that takes the same values."""
    if not field.name.isprintable() or {'"', "\\"} & set(field.name):
        return None
    if field.categories:
        return _one_of(field)
    if field.kind == "array":
        number = Annotated[float, msgspec.Meta(ge=field.minimum, le=field.maximum)]
        return Annotated[list[number], msgspec.Meta(min_length=field.length, max_length=field.length)]
    if field.kind == "number":
        return Annotated[float, msgspec.Meta(ge=field.minimum, le=field.maximum)]
    if field.kind == "integer":
        low = -LARGEST if field.minimum is None else max(math.ceil(field.minimum), -LARGEST)
        high = LARGEST if field.maximum is None else min(math.floor(field.maximum), LARGEST)
        return Annotated[int, msgspec.Meta(ge=low, le=high)] if low <= high else None
    return str if _is_text(field) else {"boolean": bool}.get(field.kind)


def _is_text(field: Field) -> bool:
    """Return True for a field whose values are texts in JSON."""
    return field.kind == "string" or is_dated(field.kind)


def _one_of(field: Field) -> Any:
    """Return the type of one of the categories; numbers may be written in ways that msgspec does not take for them."""
    if (field.minimum, field.maximum) != (None, None):
        return None
    if field.kind == "boolean":
        return bool if set(field.categories) == {False, True} else None
    texts = field.kind == "string" and all(type(each) is str for each in field.categories)
    whole = field.kind == "integer" and all(type(each) is int and abs(each) <= LARGEST for each in field.categories)
    return Literal[field.categories] if texts or whole else None


def _quotes(body: bytes) -> int:
    numpy = sys.modules.get("numpy") if len(body) > _LONG else None
    if numpy is None:
        return body.count(b'"')
    return int(numpy.count_nonzero(numpy.frombuffer(body, "uint8") == ord('"')))
