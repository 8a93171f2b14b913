"""Lists of numbers of one length, in data, requests and columns."""

import math

import numpy as np
import pandas as pd
import pytest

from slipway.schema import Columns, Field, InvalidRows, Schema, arrays
from slipway.schema.decoder import Decoder

AT = Field(name="at", kind="array", length=2, minimum=-180, maximum=180, unit="degrees")
MAYBE = Field(name="maybe", kind="array", length=3, optional=True)
SCHEMA = Schema(fields=(AT, MAYBE), target=Field(name="y", kind="number"))
ROWS = [{"at": [1, -2.5], "maybe": [1, 2, 3]}, {"at": [180, 0.5], "maybe": None}]


def test_a_list_of_its_length_is_taken_as_floats():
    """Whole numbers are numbers, and a list that may be missing may be null or left out."""
    assert SCHEMA.parse(ROWS) == [
        {"at": [1.0, -2.5], "maybe": [1.0, 2.0, 3.0]},
        {"at": [180.0, 0.5], "maybe": None},
    ]
    assert {type(each) for row in SCHEMA.parse(ROWS) for each in row["at"]} == {float}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([1], "a list of 2 numbers is needed, not of 1"),
        ([], "a list of 2 numbers is needed, not of 0"),
        ([1, 2, 3], "a list of 2 numbers is needed, not of 3"),
        (5, "a list of 2 numbers is needed, not a number"),
        ("[1, 2]", "a list of 2 numbers is needed, not a string"),
        (None, "has no value; a list of 2 numbers is needed"),
        ([1, "2"], "[1]: a number is needed, not a string"),
        ([None, 2], "[0]: a number is needed, not null"),
        ([1, True], "[1]: a number is needed, not a boolean"),
        ([1, [2]], "[1]: a number is needed, not a list"),
        ([1, math.nan], "[1]: is not a finite number"),
        ([1, 10**400], "[1]: is not a finite number"),
        ([-180.5, 1], "[0]: -180.5 is below the minimum -180 degrees"),
        ([1, 181], "[1]: 181 is above the maximum 180 degrees"),
    ],
)
def test_another_list_is_refused_with_its_place(value, says):
    """The first wrong number is named; the columns leave it to the rows."""
    with pytest.raises(InvalidRows) as caught:
        SCHEMA.parse([ROWS[0], {"at": value}])
    assert [(each.row, each.field, each.message) for each in caught.value.problems] == [(1, "at", says)]
    assert Columns.fitting(SCHEMA, {"at": [[1, 2], value]}, 2) is None


def test_a_column_of_lists_is_a_matrix():
    """A missing list is a row of NaN."""
    for columns in (
        Columns.of(SCHEMA, SCHEMA.parse(ROWS)),
        Columns.fitting(SCHEMA, {name: [row[name] for row in ROWS] for name in SCHEMA.names}, 2),
    ):
        assert columns["at"].tolist() == [[1.0, -2.5], [180.0, 0.5]]
        assert np.array_equal(columns["maybe"], [[1, 2, 3], [math.nan] * 3], equal_nan=True)
        assert columns[:0]["at"].shape == (0, 2)
        assert columns.dicts() == SCHEMA.parse(ROWS)
        with pytest.raises(ValueError, match="at holds no numbers"):
            columns.matrix(("at",))


def test_bodies_that_fit_are_read_quickly():
    """A caller of embeddings sends thousands of numbers."""
    decoder = Decoder.of(SCHEMA)
    found = decoder.read(b'[{"at": [1, -2.5], "maybe": [1, 2, 3]}, {"at": [180, 0.5]}]')
    assert found.rows.dicts() == SCHEMA.parse(ROWS)
    assert decoder.read(b'{"at": [1, 181]}') is None
    assert decoder.read(b'{"at": [1]}') is None


def test_the_json_schema_holds_length_and_range():
    """The range is that of each number."""
    assert AT.to_json_schema() == {
        "type": "array",
        "items": {"type": "number", "format": "double", "minimum": -180, "maximum": 180},
        "minItems": 2,
        "maxItems": 2,
        "description": "degrees",
    }
    assert MAYBE.to_json_schema() == {
        "type": ["array", "null"],
        "items": {"type": "number", "format": "double"},
        "minItems": 3,
        "maxItems": 3,
    }


@pytest.mark.parametrize(
    ("cells", "width"),
    [
        ([[1, 2], [3.5, 4]], 2),
        ([np.array([1.0, 2.0]), None], 2),
        ([(1, 2), [3, 4]], 2),
        ([[1, 2], [3]], 0),
        ([[1, "2"]], 0),
        ([[1, True]], 0),
        ([[[1, 2]]], 0),
        ([[], []], 0),
        ([[1, 2], "x"], 0),
        (["[1, 2]"], 0),
        ([None], 0),
        ([1.0], 0),
    ],
)
def test_the_length_of_lists_is_seen_by_their_values(cells, width):
    """Lists of different lengths have none, and a text is a text."""
    assert arrays.width_of(pd.Series(cells, dtype=object)) == width


def test_a_column_of_data_has_arrays():
    """Of lists, of arrays, and of JSON in a CSV file; what is missing stays NaN."""
    found = arrays.series(pd.Series(["[1, 2.5]", [3, 4], np.array([5, 6]), None], dtype=object))
    assert [cell.tolist() for cell in found[:3]] == [[1.0, 2.5], [3.0, 4.0], [5.0, 6.0]]
    assert {cell.dtype.name for cell in found[:3]} == {"float64"}
    assert found.isna().tolist() == [False, False, False, True]


@pytest.mark.parametrize("cell", ["soon", "5", '["a"]', "{}", 5, [], ["a"], [[1]]])
def test_a_cell_that_is_no_list_of_numbers_is_refused(cell):
    """The check of the data then names its row."""
    with pytest.raises(ValueError, match="is no list of numbers"):
        arrays.series(pd.Series([[1.0], cell], dtype=object))
