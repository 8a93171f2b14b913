"""Fields, rows checked against them, and both as JSON Schema."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any, Literal, NamedTuple

import msgspec

from slipway.names import form, nearest, spellings
from slipway.schema import moments
from slipway.schema.moments import is_dated
from slipway.text import cut, quoted

Kind = Literal["number", "integer", "boolean", "string", "date", "datetime", "instant", "array", "object", "any"]
"""The last three are kinds of predictions: a list of numbers, values by name, and what only examples tell."""

_WORDS = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list", dict: "an object"}
_WORDS[type(None)] = "null"
_EXPECTED: dict[Kind, str] = {
    "number": "a number",
    "integer": "an integer",
    "boolean": "true or false",
    "string": "a string",
    "date": moments.WORDS["date"],
    "datetime": moments.WORDS["datetime"],
    "instant": moments.WORDS["instant"],
    "array": "a list of numbers",
    "object": "an object",
    "any": "any value",
}

LARGEST = 2**63 - 1
"""The largest integer of numpy and pandas."""

MOST = 20
"""The most problems that are told of one request; there may be more."""


class Problem(NamedTuple):
    """A wrong value: the row's index (from 0), the field ('' for the row itself), and why it is wrong.

    The row is None when a model refuses several rows and does not say which one is wrong.
    """

    row: int | None
    field: str
    message: str

    def __str__(self) -> str:
        row = f"row {self.row}: " if self.row is not None else ""
        return f"{row}{f'{cut(self.field)}: ' if self.field else ''}{self.message}"


class InvalidRows(ValueError):  # noqa: N818 - it names the rows, as the answer to the caller does
    """Rows that do not fit the schema, and the `problems` with them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(map(str, problems)))
        self.problems = tuple(problems)


class Field(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A named value: its type, its limits and its meaning.

    A row may leave out an `optional` field, which then is None, and a field with a `default`.
    """

    name: str
    kind: Kind
    categories: tuple[str | int | float | bool, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    description: str = ""
    optional: bool = False
    default: str | int | float | bool | None = None
    parts: tuple[Field, ...] = ()
    """The fields of an object."""

    def parse(self, value: Any) -> Any:
        """Return `value` as this field's type (numbers as `float`); raise `ValueError` with what is wrong."""
        if value is None:
            if self.optional:
                return None
            raise ValueError(f"has no value; {self.expected} is needed")
        parsed = self.spelled(self._typed(value))
        if self.categories and parsed not in self.categories:
            # Numbers with similar digits are not similar.
            hint = nearest(value if type(value) is str else "", map(str, self.categories))
            raise ValueError(f"unknown category {quoted(value)}; {hint}")
        unit = f" {self.unit}" if self.unit else ""
        if self.minimum is not None and parsed < self.minimum:
            raise ValueError(f"{value} is below the minimum {self.minimum:.15g}{unit}")
        if self.maximum is not None and parsed > self.maximum:
            raise ValueError(f"{value} is above the maximum {self.maximum:.15g}{unit}")
        return parsed

    def spelled(self, value: Any) -> Any:
        """Return a text as the category is written that it is in another form of Unicode; any other value as it is."""
        if type(value) is not str or value.isascii() or not self.categories or value in self.categories:
            return value
        composed = unicodedata.normalize("NFC", value)
        same = [each for each in self.categories if unicodedata.normalize("NFC", str(each)) == composed]
        return same[0] if len(same) == 1 else value

    def _typed(self, value: Any) -> Any:
        kind = type(value)
        if self.kind == "number" and kind in (int, float):
            return _number(value)
        if self.kind == "integer" and kind in (int, float) and (kind is int or _number(value).is_integer()):
            if abs(value) > LARGEST:
                raise ValueError("is too large for an integer of 64 bits")
            return int(value)
        if (self.kind == "boolean" and kind is bool) or (self.kind == "string" and kind is str):
            return value
        if is_dated(self.kind) and isinstance(value, (str, date)):
            return moments.cell(self.kind, value)
        found = quoted(value) if kind is float else _word(value)
        raise ValueError(f"{self.expected} is needed, not {found}")

    @property
    def needed(self) -> bool:
        """True if every row has to have this field."""
        return not self.optional and self.default is None

    @property
    def absent(self) -> Any:
        """The value of this field in a row that leaves it out."""
        return None if self.default is None else self._typed(self.default)

    @property
    def expected(self) -> str:
        """The type of this field in words."""
        return _EXPECTED[self.kind]

    def to_json_schema(self) -> dict[str, Any]:
        """Return this field as JSON Schema, draft 2020-12."""
        kind = "string" if is_dated(self.kind) else self.kind
        schema: dict[str, Any] = {"type": [kind, "null"] if self.optional else kind}
        if is_dated(self.kind):
            schema["format"] = moments.FORMATS[self.kind]
        if self.kind == "any":
            schema = {}
        elif self.kind == "array":
            schema["items"] = {"type": "number"}
        elif self.parts:
            schema["properties"] = {part.name: part.to_json_schema() for part in self.parts}
            schema["required"] = [part.name for part in self.parts]
        if self.categories:
            schema["enum"] = [*self.categories, *([None] if self.optional else [])]
        description = f"{self.description} ({self.unit})" if self.description and self.unit else self.description
        more = {
            "minimum": self.minimum,
            "maximum": self.maximum,
            "default": self.default,
            "description": description or self.unit or None,
        }
        return schema | {key: value for key, value in more.items() if value is not None}


class Schema(msgspec.Struct, frozen=True, kw_only=True, dict=True, omit_defaults=True):
    """The fields of an input row of a model, and the target that the model predicts."""

    fields: tuple[Field, ...]
    target: Field
    truth: bool = True
    """False if no column of the data holds what the model predicts."""

    @cached_property
    def targets(self) -> tuple[Field, ...]:
        """The columns of the data that hold the truth: none, one or several."""
        return (self.target.parts or (self.target,)) if self.truth else ()

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of the data that a training goes by."""
        return (*self.names, *(target.name for target in self.targets))

    def outcome(self, prediction: Any) -> Any:
        """Return the target's value in a prediction, which may be a dict that says more; None if it lacks it."""
        if not isinstance(prediction, dict) or self.target.parts or not self.truth:
            return prediction
        return prediction.get(self.target.name)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the input fields, in order."""
        return tuple(field.name for field in self.fields)

    @cached_property
    def places(self) -> dict[str, int]:
        """The places of the fields among them, by their names."""
        return {name: place for place, name in enumerate(self.names)}

    def spelled(self, name: str) -> str:
        """Return the name of the field that `name` is in another form of Unicode, or else `name` as it is."""
        return name if name in self.places else self._spellings.get(form(name), name)

    @cached_property
    def _spellings(self) -> Mapping[str, str]:
        return spellings(self.names)

    @cached_property
    def numeric(self) -> frozenset[str]:
        """The names of the fields that hold numbers or truth values."""
        return frozenset(field.name for field in self.fields if field.kind in ("number", "integer", "boolean"))

    @cached_property
    def all_numeric(self) -> bool:
        """True if all fields hold numbers or truth values."""
        return len(self.numeric) == len(self.fields)

    @cached_property
    def optional(self) -> tuple[str, ...]:
        """The names of the fields that may be missing."""
        return tuple(field.name for field in self.fields if field.optional)

    def parse(self, rows: Iterable[Any]) -> list[dict[str, Any]]:
        """Return `rows` as dicts with typed values, in the order of the fields.

        Raise `InvalidRows` with at most `MOST` problems when a row does not fit.
        """
        parsed: list[dict[str, Any]] = []
        problems: list[Problem] = []
        for index, row in enumerate(rows):
            parsed.append(self._parse_row(index, row, problems))
            if len(problems) >= MOST:
                break
        if problems:
            raise InvalidRows(problems[:MOST])
        return parsed

    @cached_property
    def _all_numbers(self) -> bool:
        return all(field.kind == "number" and not field.categories for field in self.fields)

    @cached_property
    def _bounded(self) -> tuple[tuple[str, float, float], ...]:
        """The name, minimum and maximum of each field with a limit."""
        limits = ((field.name, field.minimum, field.maximum) for field in self.fields)
        return tuple(
            (name, -math.inf if low is None else low, math.inf if high is None else high)
            for name, low, high in limits
            if (low, high) != (None, None)
        )

    def _numbers(self, row: Any) -> dict[str, Any] | None:
        """Check a row of numbers in a third of the time; return None when it needs a closer look."""
        if not self._all_numbers or not isinstance(row, dict) or len(row) != len(self.fields):
            return None
        if set(map(type, row.values())) != {float} or not math.isfinite(sum(row.values())):
            return None
        try:
            values = {name: row[name] for name in self.names}
        except KeyError:
            return None
        return values if all(low <= values[name] <= high for name, low, high in self._bounded) else None

    def _parse_row(self, index: int, row: Any, problems: list[Problem]) -> dict[str, Any]:
        if (numbers := self._numbers(row)) is not None:
            return numbers
        if not isinstance(row, dict):
            problems.append(Problem(index, "", f"an object is needed, not {_word(row)}"))
            return {}
        row = self._respelled(row)
        values = {}
        known = 0
        for field in self.fields:
            if field.name in row:
                known += 1
                try:
                    values[field.name] = field.parse(row[field.name])
                except ValueError as error:
                    problems.append(Problem(index, field.name, str(error)))
            elif field.needed:
                problems.append(Problem(index, field.name, "is missing"))
            else:
                values[field.name] = field.absent
        if len(row) > known:
            # The search for the nearest name is slow, and a row can hold very many names.
            names = frozenset(self.names)
            unknown = [str(name) for name in row if name not in names][:MOST]
            problems += [Problem(index, name, self._unknown(name)) for name in unknown]
        return values

    def _respelled(self, row: dict[Any, Any]) -> dict[Any, Any]:
        """Return a row with the fields' own names for those in another form of Unicode, unless both stand there."""
        if row.keys() <= self.places.keys():
            return row
        found: dict[Any, Any] = {}
        for name, value in row.items():
            own = self.spelled(name) if isinstance(name, str) else name
            found[name if own in row or own in found else own] = value
        return found

    def _unknown(self, name: str) -> str:
        if (own := self.spelled(name)) != name:
            return f"stands twice: it is {quoted(own)} in another form of Unicode"
        return f"unknown field; {nearest(name, self.names)}"

    def to_json_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of an input row, draft 2020-12."""
        return {
            "type": "object",
            "properties": {field.name: field.to_json_schema() for field in self.fields},
            "required": [field.name for field in self.fields if field.needed],
            "additionalProperties": False,
        }


def _number(value: float) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("is not a finite number")
    return number


def _word(value: Any) -> str:
    return _WORDS.get(type(value), type(value).__name__)
