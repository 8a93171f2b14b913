"""How a type of Python stands for a field of the schema."""

import dataclasses
import enum
import math
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Literal, Optional

import pytest

from slipway.schema import Field
from slipway.schema.fields import ContractError, Length, Range, field_of, fields_of, only_keeps


class Colour(enum.Enum):
    RED = "red"
    GREEN = "green"


class Size(enum.IntEnum):
    SMALL = 1
    LARGE = 2


class Kind(enum.StrEnum):
    GOOD = "good"
    BAD = "bad"


class Mixed(enum.Enum):
    ONE = 1
    TWO = "two"


class Empty(enum.Enum):
    pass


@pytest.mark.parametrize(
    ("hint", "field"),
    [
        (float, Field(name="x", kind="number")),
        (int, Field(name="x", kind="integer")),
        (bool, Field(name="x", kind="boolean")),
        (str, Field(name="x", kind="string")),
        (float | None, Field(name="x", kind="number", optional=True)),
        (Optional[str], Field(name="x", kind="string", optional=True)),  # noqa: UP045
        (Literal["a", "b"], Field(name="x", kind="string", categories=("a", "b"))),
        (Literal["a", None], Field(name="x", kind="string", categories=("a",), optional=True)),
        (Literal[1, 2] | None, Field(name="x", kind="integer", categories=(1, 2), optional=True)),
        (Literal[True], Field(name="x", kind="boolean", categories=(True,))),
        (Colour, Field(name="x", kind="string", categories=("red", "green"))),
        (Size | None, Field(name="x", kind="integer", categories=(1, 2), optional=True)),
        (Kind, Field(name="x", kind="string", categories=("good", "bad"))),
        (Annotated[float, Range(0, 1)], Field(name="x", kind="number", minimum=0.0, maximum=1.0)),
        (Annotated[int, Range(maximum=9)], Field(name="x", kind="integer", maximum=9.0)),
        (Annotated[float | None, Range(0)], Field(name="x", kind="number", minimum=0.0, optional=True)),
        (Annotated[float, Range(0)] | None, Field(name="x", kind="number", minimum=0.0, optional=True)),
        (Annotated[str, "a word", Range(unit="ISO 3166")], Field(name="x", kind="string", unit="ISO 3166")),
        (
            Annotated[Annotated[Colour, Range(description="Skin")] | None, "note"],
            Field(name="x", kind="string", categories=("red", "green"), description="Skin", optional=True),
        ),
    ],
    ids=str,
)
def test_a_type_stands_for_a_field(hint, field):
    """`None` and a range count in any order."""
    assert field_of("x", hint, "Row.x") == field


@pytest.mark.parametrize(
    ("hint", "says"),
    [
        (list, "is no type for a field"),
        (list[int], "is no type for a field"),
        (dict, "is no type for a field"),
        (object, "is no type for a field"),
        (None, "is no type for a field"),
        ("float", "is no type for a field"),
        (int | float, "is more than one type"),
        (str | int | None, "is more than one type"),
        (Literal[1, "a"], "not all of one simple type"),
        (Literal[1, True], "not all of one simple type"),
        (Mixed, "not all of one simple type"),
        (Empty, "not all of one simple type"),
        (Annotated[str, Range(0, 1)], "a range is for numbers"),
        (Annotated[bool, Range(0, 1)], "a range is for numbers"),
        (Annotated[float, Range(1, 0)], "the smaller one first"),
        (Annotated[float, Range(0, math.nan)], "two finite numbers"),
        (Annotated[float, Range("0", "1")], "two finite numbers"),
    ],
    ids=str,
)
def test_a_type_that_stands_for_no_field_is_refused(hint, says):
    """The message names the class and the field."""
    with pytest.raises(ContractError, match=says) as caught:
        field_of("x", hint, "Row.x")
    assert str(caught.value).startswith("Row.x: ")


@dataclasses.dataclass
class Plain:
    size: float
    kind: Colour = Colour.RED
    note: str | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    size: float
    kind: str = "a"


class Refusing(Plain):
    def __post_init__(self):
        if self.size < 0:
            raise ValueError("a size is never below 0")


class Made(Plain):
    def __init__(self, size):
        super().__init__(size * 2)


@dataclasses.dataclass
class Changing:
    size: float

    def __setattr__(self, name, value):
        super().__setattr__(name, abs(value))


class Halved:
    def __get__(self, found, kind=None):
        return 0.0

    def __set__(self, found, value):
        pass


@dataclasses.dataclass
class Described:
    size: float = Halved()


@pytest.mark.parametrize("row", [Plain, Frozen])
def test_a_dataclass_of_fields_keeps_what_it_is_given(row):
    """No object of it has to be made to check a row."""
    assert only_keeps(row)


@pytest.mark.parametrize("row", [Refusing, dataclasses.dataclass(Refusing), Made, Changing, Described])
def test_a_dataclass_with_methods_of_its_own_may_not(row):
    """Such a method may refuse a row, or change it, and so it has to run."""
    assert not only_keeps(row)


@pytest.mark.parametrize(
    ("hint", "kind", "optional"),
    [
        (date, "date", False),
        (date | None, "date", True),
        (datetime, "datetime", False),
        (Annotated[datetime, UTC], "instant", False),
        (Annotated[datetime, UTC] | None, "instant", True),
        (Annotated[datetime | None, UTC], "instant", True),
    ],
)
def test_a_date_or_a_time_is_a_field(hint, kind, optional):
    """A time has no zone unless it is declared in UTC."""
    found = field_of("x", hint, "Row.x")
    assert (found.kind, found.optional) == (kind, optional)


@pytest.mark.parametrize(
    "hint", [Annotated[date, UTC], Annotated[float, UTC], Annotated[datetime, timezone(timedelta(hours=2))]]
)
def test_a_zone_is_utc_and_that_of_a_time(hint):
    """Callers write any offset, and the model gets UTC."""
    with pytest.raises(ContractError, match=r"Row.x: only a datetime has a zone, and it is UTC"):
        field_of("x", hint, "Row.x")


def test_a_range_is_not_for_dates():
    """Its limits are numbers."""
    with pytest.raises(ContractError, match="a range is for numbers, and this is date"):
        field_of("x", Annotated[date, Range(0, 1)], "Row.x")


def test_a_default_of_a_date_is_a_text_in_the_schema_and_a_date_in_a_row():
    """As a caller would have sent it."""
    row = dataclasses.make_dataclass("Row", [("x", date, dataclasses.field(default=date(2026, 1, 31)))])
    (found,) = fields_of(row, "Fruit")
    assert (found.default, found.absent) == ("2026-01-31", date(2026, 1, 31))
    assert found.to_json_schema()["default"] == "2026-01-31"


def test_a_list_of_numbers_has_a_length():
    """A range is that of each number."""
    found = field_of("x", Annotated[list[float], Length(3), Range(0, 1)] | None, "Row.x")
    assert (found.kind, found.length, found.minimum, found.maximum, found.optional) == ("array", 3, 0, 1, True)


@pytest.mark.parametrize(
    "hint",
    [
        list[float],
        Annotated[float, Length(3)],
        Annotated[list[float], Length(0)],
        Annotated[list[float], Length(2.0)],
        Annotated[list[float], Length(2), Length(3)],
    ],
)
def test_a_list_without_one_length_is_refused(hint):
    """Callers and tensors need it."""
    with pytest.raises(ContractError, match=r"Row.x: a list of numbers has one length, at least 1"):
        field_of("x", hint, "Row.x")


@pytest.mark.parametrize("hint", [Annotated[list[int], Length(3)], Annotated[list[str], Length(3)], list])
def test_a_list_of_anything_else_is_refused(hint):
    """Its numbers are floats."""
    with pytest.raises(ContractError, match=r"Row.x"):
        field_of("x", hint, "Row.x")


def test_a_list_has_no_default():
    """A model could change the one list of all rows."""
    hint = Annotated[list[float], Length(1)]
    row = dataclasses.make_dataclass("Row", [("x", hint, dataclasses.field(default_factory=lambda: [1.0]))])
    with pytest.raises(ContractError, match=r"Row.x: a list has no default"):
        fields_of(row, "Fruit")
