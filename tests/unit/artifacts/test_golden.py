import math

import pytest

from slipway.artifacts import Golden, differences


def difference(expected, found, tolerance=1e-6):
    rows = [{"x": 0.0}, {"x": 1.0}]
    return differences(Golden(rows=rows, predictions=["same", expected]), ["same", found], tolerance)


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        (0.5, 0.5),
        (0.5, 0.5 + 9e-7),
        (0.0, 1e-6),
        (1e9, 1e9 + 900),
        (1, 1.0),
        ("setosa", "setosa"),
        (None, None),
        ({"p": [0.1, {"q": True}]}, {"p": [0.1000001, {"q": True}]}),
    ],
)
def test_numbers_within_the_tolerance_are_equal(expected, found):
    """The tolerance is absolute up to 1 and relative above it. Other values are compared exactly."""
    assert difference(expected, found) == []


@pytest.mark.parametrize(
    ("expected", "found", "text"),
    [
        (0.51, 0.63, "row 1: expected 0.51, found 0.63: off by 0.12, tolerance 1e-06"),
        (1e9, 1e9 + 2000, "row 1: expected 1000000000.0, found 1000002000.0: off by 2000, tolerance 1000"),
        (1000000, 1000001, "row 1: expected 1000000, found 1000001: off by 1, tolerance 1e-06"),
        (0.5, math.nan, "row 1: expected 0.5, found nan: tolerance 1e-06"),
        ("setosa", "virginica", "row 1: expected 'setosa', found 'virginica'"),
        (1, True, "row 1: expected 1, found True"),
        (1, "1", "row 1: expected 1, found '1'"),
        ({"p": 0.1}, {"q": 0.1}, "row 1: expected {'p': 0.1}, found {'q': 0.1}"),
        (
            {"p": {"setosa": 0.9}},
            {"p": {"setosa": 0.8}},
            "row 1, p, setosa: expected 0.9, found 0.8: off by 0.1, toler",
        ),
        ([1.0, 2.0], [1.0, 2.5], "row 1, [1]: expected 2.0, found 2.5: off by 0.5, tolerance 2e-06"),
        ([1.0], [1.0, 2.0], "row 1: expected [1.0], found [1.0, 2.0]"),
    ],
)
def test_a_difference_names_row_values_and_distance(expected, found, text):
    """The text has the row, the expected and the found value, and the distance."""
    [told] = difference(expected, found)

    assert told.startswith(text)


def test_every_difference_is_listed():
    """Each difference has a line, also within one row."""
    assert len(difference({"a": 1.0, "b": 2.0, "c": 3.0}, {"a": 1.5, "b": 2.0, "c": 3.5})) == 2


def test_a_wrong_number_of_predictions_is_a_difference():
    """Rows are not compared when their number differs."""
    golden = Golden(rows=[{"x": 1.0}], predictions=[1.0])

    assert differences(golden, [], 1e-6) == ["expected 1 predictions, found 0"]


def test_integers_may_be_off_by_the_tolerance():
    """A model that counts can declare a tolerance above 1."""
    assert difference(100, 101, tolerance=1) == []


def test_rows_and_predictions_come_in_pairs():
    """A golden prediction without its row cannot be checked."""
    with pytest.raises(ValueError, match="1 golden rows and 0 predictions"):
        Golden(rows=[{"x": 1.0}], predictions=[])
