"""A second production is fed as the first one is, from test or from the production before it."""

import json
from pathlib import Path
from typing import Any

import pytest

from slipway import cli
from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.gitops.branches import Here, Proposed
from slipway.names import ReleaseName
from slipway.release.candidates import Wish
from slipway.release.decisions import hold, lift, rollback, traffic
from slipway.release.promote import copy, lacking, promote
from slipway.release.status import status
from slipway.review.check import check
from tests.unit.conftest import Site

UNBUILT = Wish(allow_unbuilt=True)


@pytest.fixture(params=["test", pytest.param("prod", marks=pytest.mark.long(4))])
def two(site: Site, request: pytest.FixtureRequest) -> Site:
    """A team with two productions; the second one promotes from test, or from the first."""
    second = f"  prod-eu: {{store: .slipway/store/prod-eu, namespace: slipway-prod-eu, promotes_from: {request.param}}}"
    site.set("models:", f"{second}\nmodels:")
    site.released()
    _promoted(site, "prod")
    return site


def _promoted(site: Site, environment: str, **options: Any) -> ReleaseName:
    """Promote to an environment, and verify it there."""
    done = promote(site.settings, "iris", UNBUILT, to=environment, **options)
    name = next(iter(done.edited.after.route)) if done.edited.after else None
    assert name is not None
    if not options:
        site.verify(name, environment=environment)
    return name


def test_a_promotion_has_to_name_one_of_two(two: Site) -> None:
    """The error names the environments that take promotions, and no other one."""
    with pytest.raises(SlipwayError, match="2 environments take promotions") as caught:
        promote(two.settings, "iris", UNBUILT)
    assert "prod, prod-eu" in caught.value.fix and "test" not in caught.value.fix


def test_all_verbs_know_the_second_production(two: Site) -> None:
    """It is promoted to, shared out, held and rolled back; the first one does not move."""
    before = two.overlay(environment="prod")
    first = _promoted(two, "prod-eu")
    two.released()
    _promoted(two, "prod")
    second = _promoted(two, "prod-eu")
    traffic(two.settings, "iris", "prod-eu", {str(first): 50, str(second): 50})
    rollback(two.settings, "iris", "prod-eu", reason="wrong")
    assert two.overlay(environment="prod-eu").route == {first: 100}
    with pytest.raises(SlipwayError, match="is held"):
        promote(two.settings, "iris", UNBUILT, to="prod-eu")
    lift(two.settings, "iris", "prod-eu")
    hold(two.settings, "iris", "prod-eu", reason="a look")
    assert {row.environment for row in status(two.settings, ["iris"])} == {"test", "prod", "prod-eu"}
    assert two.overlay(environment="prod").releases[0].name != before.releases[0].name
    assert two.overlay(environment="prod").hold is None
    assert two.store("prod-eu").versions("iris") == [1, 2]


def test_its_proposals_are_checked(two: Site) -> None:
    """An image keeps the registry that it was built for, whatever registry the productions on its way have."""
    two.set("namespace: slipway-prod, ", "namespace: slipway-prod, registry: ghcr.io/team, ")
    _promoted(two, "prod-eu", place=Proposed(Here(Repository(two.root)), "change"))
    assert check(two.settings, base="main", head="change").violations == []


def test_what_each_production_lacks(two: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The workflow gets the environments that lack an artifact, and those whose store cannot be read."""
    output = tmp_path / "output"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_OUTPUT", str(output))

    def found() -> list[str]:
        output.unlink(missing_ok=True)
        assert cli.main(["-C", str(two.root), "copy", "--missing"]) == 0
        return list(json.loads(output.read_text().splitlines()[1]))

    assert found() == []
    _promoted(two, "prod-eu", place=Proposed(Here(Repository(two.root)), "change"))
    assert found() == []
    two.git("merge", "--quiet", "--no-ff", "-m", "Merge", "change")
    assert found() == ["prod-eu"]
    assert copy(two.settings, [], "prod-eu") and found() == []
    assert lacking(two.settings) == {}
    (two.root / ".slipway/store/prod").rename(two.root / ".slipway/elsewhere")
    assert found() == ["prod"]
