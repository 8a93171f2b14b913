"""`slipway status` returns a row for each model in each environment."""

import pytest

from slipway.errors import SlipwayError
from slipway.release.candidates import Wish
from slipway.release.decisions import hold
from slipway.release.promote import promote
from slipway.release.status import Row, status
from tests.unit.conftest import Site


def test_every_model_has_a_row_in_every_environment(site: Site) -> None:
    """The rows of models without a release name the first step."""
    rows = status(site.settings)
    assert [(row.environment, row.model) for row in rows] == [
        ("test", "iris"),
        ("test", "tumor"),
        ("prod", "iris"),
        ("prod", "tumor"),
    ]
    assert rows[0] == Row("test", "iris", "nothing runs", "-", "-", "no version yet: slipway train iris --env test")
    assert rows[2].next == "no release of iris is on the route of test"


def test_a_row_shows_the_route_the_versions_and_the_next_step(site: Site) -> None:
    """It follows a model from its release to its promotion and a hold."""
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


def test_partly_verified_routes_show_each_release(site: Site) -> None:
    """Each release on the route has its own yes or no."""
    site.released()
    site.publish()
    site.release("iris", traffic=10)
    [row] = status(site.settings, ["iris"], "test")
    assert row.verified.startswith("v2-") and " no, v1-" in row.verified


def test_a_damaged_overlay_is_shown_in_its_row(site: Site) -> None:
    """It does not hide the other models."""
    site.released()
    site.write("overlays/test/iris/route.yaml", "spec: [")
    site.commit("By hand")
    first, second, *_ = status(site.settings)
    assert first.route == "damaged" and "route.yaml" in first.next
    assert second.route == "nothing runs"


def test_an_unknown_model_or_environment_is_refused(site: Site) -> None:
    """The error names it."""
    with pytest.raises(SlipwayError, match="unknown model 'irsi'"):
        status(site.settings, ["irsi"])
    with pytest.raises(SlipwayError, match="unknown environment"):
        status(site.settings, environment="tset")
