"""A change apart from the checkout uses the settings and the code of the branch that gets it."""

import re

from slipway import cli
from tests.unit.conftest import Site
from tests.unit.release.conftest import Team, pushed


def promote(site: Site) -> int:
    return cli.main(["-C", str(site.root), "promote", "iris", "--push", "--emergency", "--allow-unbuilt"])


def test_a_clone_that_is_behind(team: Team) -> None:
    """A promotion from an old clone uses the access and the store that main has now."""
    behind = team.clone("behind")
    team.site.set("iris: {train: manual}", "iris: {train: manual, access: {kind: bearer}}")
    team.site.set("store/prod", "store/production")
    team.push(team.site)
    team.site.released(place=pushed(team.site))
    assert promote(behind) == 0
    [release] = team.here().overlay(environment="prod").releases
    assert re.search(rb"name: SLIPWAY_ACCESS_KIND\s+value: bearer", release.files["manifests.yaml"])
    assert team.site.store("prod").versions("iris") == [1]
    assert behind.store("prod").versions("iris") == []


def test_a_model_that_a_clone_has_not_yet(team: Team) -> None:
    """A clone can promote a model whose folder is only on main, and refuses a model that does not exist."""
    behind = team.clone("behind")
    team.site.write("model/wine/model.py", "")
    team.site.commit()
    team.push(team.site)
    team.site.released("wine", version=1, place=pushed(team.site))
    words = ["-C", str(behind.root), "promote", "wine", "--push", "--emergency", "--allow-unbuilt"]
    assert cli.main(words) == 0
    assert team.here().versions("wine", "prod") == {1: 100}
    words[3] = "beer"
    assert cli.main(words) == 1
