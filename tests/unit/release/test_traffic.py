"""`slipway traffic` divides the requests among declared releases."""

import pytest

from slipway.errors import SlipwayError
from slipway.release.status import status
from slipway.release.traffic import traffic
from tests.unit.conftest import Site


def test_shares_are_set_in_one_commit(site: Site) -> None:
    """The commit names the new route. The same shares again make no commit."""
    site.released()
    site.released()
    done = traffic(site.settings, "iris", "test", {"v1": 90, "v2": 10})
    assert site.versions() == {1: 90, 2: 10}
    assert done.commit == site.head
    assert site.git("log", "-1", "--format=%s").startswith("test/iris: traffic v2-")
    assert traffic(site.settings, "iris", "test", {"1": 90, "2": 10}).commit is None


def test_a_release_without_requests_gets_none_by_itself(site: Site) -> None:
    """If a person takes all requests from a release, the next run gives it none. A newer version gets them."""
    site.released()
    site.released(traffic=10)
    traffic(site.settings, "iris", "test", {"v1": 100})
    assert site.release("iris").commit is None and site.versions() == {1: 100}
    [row] = status(site.settings, ["iris"], "test")
    assert row.next.startswith("v2 is declared and gets no requests (slipway traffic iris --env test v2=100")
    site.released()
    assert site.versions() == {3: 100}


@pytest.mark.parametrize(
    ("shares", "problem"),
    [
        ({"v1": 90}, "are 90 percent"),
        ({"v1": 100, "v2": 0}, "v2=0 is no share"),
        ({"v1": 90, "v7": 10}, "no release v7"),
        ({"v1": 90, "1": 10}, "named twice"),
    ],
)
def test_invalid_shares_are_refused(site: Site, shares: dict[str, int], problem: str) -> None:
    """Nothing is committed for shares that make no valid route."""
    site.released()
    site.released()
    head = site.head
    with pytest.raises(SlipwayError, match=problem):
        traffic(site.settings, "iris", "test", shares)
    assert site.head == head
