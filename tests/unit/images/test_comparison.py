"""Predictions of two artifacts are compared."""

from typing import Any

import pytest

from slipway.artifacts.loading import REFUSED
from slipway.images.comparison import compare


@pytest.mark.parametrize(
    ("before", "after", "labels", "within", "numbers", "largest"),
    [
        (["a", "b"], ["a", "b"], 2, 2, 0, 0.0),
        (["a", "b"], ["a", "c"], 1, 1, 0, 0.0),
        ([1, 2], [1, 3], 1, 1, 0, 0.0),
        ([1.0, 2.0], [1.0, 2.005], 2, 2, 2, 0.005),
        ([1.0, 2.0], [1.0, 2.5], 2, 1, 2, 0.5),
        ([{"class": "a", "p": 0.5}], [{"class": "a", "p": 0.25}], 1, 0, 1, 0.25),
        ([{"class": "a", "p": 0.5}], [{"class": "b", "p": 0.5}], 0, 0, 1, 0.0),
        ([[0.5, 0.5]], [[0.5]], 0, 0, 1, 0.0),
        ([REFUSED, "a"], [REFUSED, REFUSED], 1, 1, 0, 0.0),
        ([], [], 0, 0, 0, 0.0),
    ],
)
def test_rows_are_counted_by_their_agreement(
    before: Any, after: Any, labels: int, within: int, numbers: int, largest: float
) -> None:
    """Labels have to be equal, and numbers within the tolerance."""
    found = compare([{}] * len(before), before, after, 0.01)
    assert (found.labels, found.within, found.numbers) == (labels, within, numbers)
    assert found.largest == pytest.approx(largest)
    assert bool(found.examples) is (within < len(before))


def test_examples_name_the_row_that_differs() -> None:
    found = compare([{}, {}], ["a", "b"], ["a", REFUSED], 0)
    assert found.examples == ["row 1: expected 'b', found refused"]
    assert compare([{}, {}], ["a", "b"], ["a", "c"], 0).examples == ["row 1: expected 'b', found 'c'"]
