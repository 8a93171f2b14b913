"""Answers counted against the truth."""

import pytest

from slipway.review import comparison


def test_recall_is_of_the_classes_that_the_truth_has():
    """A class that is only answered has none; numbers and text that read alike are one class."""
    assert comparison.recalls(["a", "a", "b", 1], ["a", "b", "b", "1"]) == {"a": 0.5, "b": 1.0, "1": 1.0}


@pytest.mark.parametrize(
    ("values", "places", "found"),
    [([3.0], [0, 0.5, 1], [3, 3, 3]), ([4, 0], [0, 0.25, 1], [0, 1, 4]), ([1, 2, 3], [0.5, 0.75], [2, 2.5])],
)
def test_quantiles_lie_between_neighbours(values, places, found):
    """As numpy has them."""
    assert comparison.quantiles(values, places) == found


@pytest.mark.parametrize("parts", [1, 3, 50])
def test_errors_are_those_of_rows_with_like_truth(parts):
    """Every row is in one part; there are never more parts than rows."""
    truth, answers = [3.0, 1.0, 2.0, 4.0], [3.5, 1.0, 2.0, 2.0]
    found = comparison.errors_by_truth(truth, answers, parts)
    assert len(found) == min(parts, 4)
    assert (found[0].low, found[-1].high) == (1, 4)
    assert [part.low for part in found] == sorted(part.low for part in found)
    assert comparison.errors_by_truth(truth, answers, 1)[0].error == 0.625


def test_residuals_of_all_are_in_the_same_bins():
    """Each row is counted once, those far off in the outermost; no error at all is the middle."""
    truth = [0.0] * 200
    middles, [calm, wild] = comparison.residuals(truth, truth, [1.0] * 199 + [1e9], parts=5)
    assert calm == [0, 0, 200, 0, 0] and wild == [0, 0, 0, 0, 200]
    assert middles[2] == pytest.approx(0) and middles[0] == -middles[-1]
    assert comparison.residuals(truth, truth, parts=3)[1] == [[0, 200, 0]]


@pytest.mark.parametrize(
    ("one", "other", "share"),
    [
        (["a", "b"], ["a", "c"], 0.5),
        ([1.0, 2.0], [1.05, 3.0], 0.5),
        ([True], [True], 1.0),
        ([None], ["a"], 0.0),
        ([], [], 1.0),
    ],
)
def test_answers_that_are_alike(one, other, share):
    """Classes by being the same, quantities by being near."""
    assert comparison.share_alike(one, other, 0.1) == share
