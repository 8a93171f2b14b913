"""`slipway status`: a row for each model in each environment."""

import pytest

from slipway.errors import SlipwayError
from slipway.release.holds import hold
from slipway.release.promote import Wish, promote
from slipway.release.status import Row, status
from tests.unit.conftest import Site


def test_nothing_yet(site: Site) -> None:
    """Every model has a row in every environment, with what comes first."""
    rows = status(site.settings)
    assert [(row.environment, row.model) for row in rows] == [
        ("test", "iris"),
        ("test", "tumor"),
        ("prod", "iris"),
        ("prod", "tumor"),
    ]
    assert rows[0] == Row("test", "iris", "nothing runs", "-", "-", "no version yet: slipway train iris --env test")
    assert rows[2].next == "no release of iris is on the route of test"


def test_on_the_way(site: Site) -> None:
    """Route, newest version, whether it is verified, and what is next."""
    name = site.released()
    site.publish()
    [row] = status(site.settings, ["iris"], "test")
    assert row == Row("test", "iris", f"{name} 100 %", "v2", "yes", "due: v2 is newer than the deployed v1")
    assert status(site.settings, ["iris"], "prod")[0].next == f"{name} of test can be promoted"
    promote(site.settings, "iris", Wish(allow_unbuilt=True))
    [row] = status(site.settings, ["iris"], "prod")
    assert (row.newest, row.verified, row.next) == ("v1", "no", "test serves the same")
    hold(site.settings, "iris", "prod", reason="audit")
    assert status(site.settings, ["iris"], "prod")[0].next.startswith("held by Ada")


def test_shares(site: Site) -> None:
    """When not all that serves is verified, each is told."""
    site.released()
    site.publish()
    site.release("iris", traffic=10)
    [row] = status(site.settings, ["iris"], "test")
    assert row.verified.startswith("v2-") and " no, v1-" in row.verified


def test_damage_is_told_in_its_row(site: Site) -> None:
    """One damaged overlay does not hide the others."""
    site.released()
    site.write("overlays/test/iris/route.yaml", "spec: [")
    site.commit("By hand")
    first, second, *_ = status(site.settings)
    assert first.route == "damaged" and "route.yaml" in first.next
    assert second.route == "nothing runs"


def test_unknown_names(site: Site) -> None:
    """The nearest known name is given."""
    with pytest.raises(SlipwayError, match="unknown model 'irsi'"):
        status(site.settings, ["irsi"])
    with pytest.raises(SlipwayError, match="unknown environment"):
        status(site.settings, environment="tset")
