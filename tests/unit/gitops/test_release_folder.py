"""The shares of a route."""

import pytest

from slipway.errors import SlipwayError
from slipway.gitops.release_folder import share
from slipway.names import ReleaseName


def route(shares: dict[int, int]) -> dict[ReleaseName, int]:
    return {ReleaseName(version, "1a2b3c4d"): percent for version, percent in shares.items()}


@pytest.mark.parametrize(
    ("before", "percent", "after"),
    [
        ({}, 100, {9: 100}),
        ({8: 100}, 100, {9: 100}),
        ({8: 100}, 10, {8: 90, 9: 10}),
        ({7: 50, 8: 50}, 15, {7: 42, 8: 43, 9: 15}),
        ({6: 33, 7: 33, 8: 34}, 50, {6: 16, 7: 17, 8: 17, 9: 50}),
        ({7: 1, 8: 99}, 60, {8: 40, 9: 60}),
        ({7: 50, 8: 50}, 99, {8: 1, 9: 99}),
        ({8: 90, 9: 10}, 30, {8: 70, 9: 30}),
        ({8: 90, 9: 10}, 100, {9: 100}),
    ],
)
def test_share(before: dict[int, int], percent: int, after: dict[int, int]) -> None:
    """The new release gets its share, the others keep their proportions, and no share is 0."""
    found = share(route(before), ReleaseName(9, "1a2b3c4d"), percent)
    assert found == route(after)
    assert sum(found.values()) == 100


@pytest.mark.parametrize(("before", "percent"), [({}, 50), ({9: 100}, 50), ({8: 100}, 0), ({8: 100}, 101)])
def test_shares_that_cannot_be(before: dict[int, int], percent: int) -> None:
    """A share out of range is refused, and so is less than 100 % for the only release."""
    with pytest.raises(SlipwayError):
        share(route(before), ReleaseName(9, "1a2b3c4d"), percent)
