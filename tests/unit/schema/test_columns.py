"""Checked rows, as columns and as rows."""

import math

import numpy as np
import pytest

from slipway.schema import Columns, Field, Schema

FIELDS = (
    Field(name="size", kind="number"),
    Field(name="count", kind="integer"),
    Field(name="fragile", kind="boolean"),
    Field(name="kind", kind="string"),
    Field(name="weight", kind="number", optional=True),
    Field(name="year", kind="integer", optional=True),
    Field(name="old", kind="boolean", optional=True),
    Field(name="note", kind="string", optional=True),
)
ROWS = [
    (1.5, 2**63 - 1, True, "a", 0.5, 3, False, "x"),
    (-0.0, 2, False, "b", None, None, None, None),
]


@pytest.fixture
def columns() -> Columns:
    return Columns(Schema(fields=FIELDS, target=FIELDS[0]), ROWS)


@pytest.mark.parametrize(
    ("name", "dtype", "values"),
    [
        ("size", "float64", [1.5, -0.0]),
        ("count", "int64", [2**63 - 1, 2]),
        ("fragile", "bool", [True, False]),
        ("kind", "object", ["a", "b"]),
        ("weight", "float64", [0.5, math.nan]),
        ("year", "float64", [3.0, math.nan]),
        ("old", "object", [False, math.nan]),
        ("note", "object", ["x", math.nan]),
    ],
)
def test_a_column_is_an_array_of_its_kind(columns: Columns, name: str, dtype: str, values: list[object]) -> None:
    """Whole numbers stay exact; NaN stands for a missing value, as in the data of a training."""
    assert columns[name].dtype == dtype
    assert repr(columns[name].tolist()) == repr(values)


def test_several_columns_are_a_matrix(columns: Columns) -> None:
    """It has float64, and the order that is asked for."""
    assert columns[["year", "size", "fragile"]].dtype == np.float64
    assert repr(columns[["year", "size", "fragile"]].tolist()) == "[[3.0, 1.5, 1.0], [nan, -0.0, 0.0]]"
    with pytest.raises(ValueError, match="kind holds no numbers"):
        _ = columns[["size", "kind"]]
    with pytest.raises(KeyError):
        _ = columns[["size", "depth"]]


def test_all_columns_are_a_matrix_in_one_go() -> None:
    """The result is the same as column by column."""
    columns = Columns(Schema(fields=FIELDS[:3], target=FIELDS[0]), [row[:3] for row in ROWS])
    assert columns[["size", "count", "fragile"]].tolist() == [[1.5, float(2**63 - 1), 1.0], [0.0, 2.0, 0.0]]
    assert columns[["size", "size", "size"]].tolist() == [[1.5] * 3, [-0.0] * 3]
    assert columns[["count", "size"]].tolist() == [[float(2**63 - 1), 1.5], [2.0, 0.0]]
    whole = columns[["size", "count", "fragile"]]
    whole[:] = 7
    assert columns["size"].tolist() == [1.5, 0.0]


def test_a_matrix_of_numbers_may_have_gaps() -> None:
    """A missing number is NaN, also where all fields are numbers and become a matrix in one go."""
    columns = Columns(Schema(fields=(FIELDS[0], FIELDS[4], FIELDS[6]), target=FIELDS[0]), [(1.5, None, None)])
    assert repr(columns[["size", "weight", "old"]].tolist()) == "[[1.5, nan, nan]]"


def test_rows_are_dicts_in_the_order_of_the_fields(columns: Columns) -> None:
    """A missing value is what the caller says."""
    first, second = columns.dicts()
    assert list(first) == [field.name for field in FIELDS] == list(columns)
    assert (first["weight"], second["weight"], second["note"]) == (0.5, None, None)
    assert all(math.isnan(columns.dicts(math.nan)[1][name]) for name in ("weight", "year", "old", "note"))


def test_it_has_as_many_rows_as_there_are(columns: Columns) -> None:
    """A slice has some of them, and there may be none."""
    assert len(columns) == 2
    assert columns[1:]["kind"].tolist() == ["b"]
    assert len(columns[2:]) == 0
    assert columns[2:][["size", "count"]].shape == (0, 2)
    assert columns[2:]["kind"].tolist() == []


def test_it_is_made_of_parsed_rows() -> None:
    """Rows that were read field by field become columns, too."""
    schema = Schema(fields=FIELDS[:2], target=FIELDS[3])
    assert Columns.of(schema, schema.parse([{"count": 1, "size": 2}])).dicts() == [{"size": 2.0, "count": 1}]
