"""Retention drops old releases, and changes nothing else."""

import pytest

from slipway import cli
from slipway.git import Repository
from slipway.gitops.branches import Pushed
from slipway.release.decisions import hold, lift, rollback, traffic
from tests.forge_server.fixtures import NAME
from tests.unit.conftest import Site
from tests.unit.release.conftest import Team, pushed


def declared(site: Site, environment: str = "test") -> list[int]:
    return [release.version for release in site.overlay(environment=environment).releases]


def test_the_oldest_releases_are_dropped_in_their_own_commit(site: Site) -> None:
    """Releases beyond `retention` go, and the route stays. A repeat commits nothing."""
    for _ in range(5):
        site.released()
    before = site.overlay()
    done = site.drop()
    assert declared(site) == [5, 4, 3]
    assert site.overlay().route == before.route
    message = site.git("log", "-1", "--format=%B")
    assert message.startswith(
        f"test/iris: drop {before.releases[3].name}, {before.releases[4].name}\n\niris keeps: v5-"
    )
    assert done.commit == site.head and done.lines == [message.splitlines()[0]]
    assert site.drop()[:2] == ([], None)


@pytest.mark.long(2)
def test_nothing_is_dropped_before_the_newest_is_verified(site: Site) -> None:
    """If the newest release fails, its rollback need not wait for a removal."""
    for _ in range(4):
        site.released()
    site.publish()
    newest = site.release("iris").outcomes[0].release
    assert site.drop()[:2] == (
        [f"test: iris: 5 releases stay, retention is 3: {newest} is not verified yet"],
        None,
    )
    assert newest is not None
    site.verify(newest)
    site.drop()
    assert declared(site) == [5, 4, 3]


def test_releases_on_the_route_and_the_newest_stay(site: Site) -> None:
    """The age of a release with a share does not matter."""
    for _ in range(4):
        site.released()
    site.set("iris: {train: manual}", "iris: {train: manual, retention: 1}")
    traffic(site.settings, "iris", "test", {"v1": 90, "v3": 10})
    assert "3 releases stay, retention is 1" in site.drop().lines[0]
    assert declared(site) == [4, 3, 1]


def test_what_no_rollback_would_take_goes_first(site: Site) -> None:
    """So releases that never ran, or were rejected, do not push out the last one to go back to."""
    for _ in range(3):
        site.released()
    rollback(site.settings, "iris", "test", reason="wrong")
    lift(site.settings, "iris", "test")
    for _ in range(2):
        site.publish()
        site.release("iris")
    site.released()
    site.drop()
    assert declared(site) == [6, 2, 1]
    rollback(site.settings, "iris", "test", reason="wrong")
    assert site.versions() == {2: 100}


def test_nothing_of_a_held_model_is_dropped(site: Site) -> None:
    """A line names the hold."""
    for _ in range(4):
        site.released()
    hold(site.settings, "iris", "test", reason="a look")
    assert "it is held" in site.drop().lines[0]
    assert len(declared(site)) == 4


@pytest.mark.long(6)
def test_several_models_are_dropped_in_one_commit(site: Site) -> None:
    """A model with an unreadable store stops no other."""
    for _ in range(4):
        site.released("iris")
        site.released("tumor")
    head = site.head
    [evidence] = (site.root / ".slipway/store/test/tumor/verified").glob("v4-*")
    evidence.chmod(0o644)
    evidence.write_text("damaged")
    done = site.drop("iris", "tumor")
    assert declared(site) == [4, 3, 2]
    assert "test: tumor: nothing is dropped: " in done.lines[0]
    evidence.unlink()
    site.verify(site.overlay("tumor").releases[0].name, "tumor")
    site.released("iris")
    site.drop("iris", "tumor")
    assert site.git("log", "-1", "--format=%s").startswith("test: drop v2-")
    assert site.git("rev-list", f"{head}..HEAD").count("\n") == 2


@pytest.mark.long(5)
def test_a_release_pushed_in_between_is_respected(team: Team) -> None:
    """The first push is refused. The second attempt sees the new release, which is not verified."""
    site, other = team.site, team.clone("other")
    for _ in range(4):
        site.released(place=pushed(site))

    class Slow(Pushed):
        def commit(self, stand, change):  # type: ignore[no-untyped-def]
            if other.head == before:
                site.publish()
                other.release("iris", place=pushed(other))
            return super().commit(stand, change)

    before = other.head
    done = site.drop(place=Slow(Repository(site.root), "main"))
    assert done.commit is None and "is not verified yet" in done.lines[0]
    assert declared(team.here()) == [5, 4, 3, 2, 1]


@pytest.mark.long(7)
def test_the_retention_of_another_branch_does_not_count(team: Team) -> None:
    """The settings of the branch that the cluster follows decide."""
    for _ in range(4):
        team.site.released(place=pushed(team.site))
        assert cli.main(["-C", str(team.site.root), "promote", "iris", "--allow-unbuilt"]) == 0
        team.site.verify(team.site.overlay(environment="prod").releases[0].name, environment="prod")
        team.push(team.site)
    team.site.git("switch", "--quiet", "-c", "deploy/mine")
    team.site.set("iris: {train: manual}", "iris: {train: manual, retention: 1}")
    team.push(team.site)
    team.site.drop(place=pushed(team.site))
    assert cli.main(["-C", str(team.site.root), "promote", "--due", "--push"]) == 0
    main = team.here()
    assert declared(main) == declared(main, "prod") == [4, 3, 2]


@pytest.mark.long(4)
def test_release_and_promote_drop_old_releases(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """`slipway release` drops in its environment, and `slipway promote` in the target environment."""
    for _ in range(4):
        site.released()
        assert cli.main(["-C", str(site.root), "promote", "iris", "--allow-unbuilt"]) == 0
        site.verify(site.overlay(environment="prod").releases[0].name, environment="prod")
    assert cli.main(["-C", str(site.root), "release", "iris"]) == 0
    assert "test/iris: drop v1-" in capsys.readouterr().out
    assert declared(site) == [4, 3, 2] and len(declared(site, "prod")) == 4
    assert cli.main(["-C", str(site.root), "promote", "iris", "--allow-unbuilt"]) == 0
    assert "prod/iris: drop v1-" in capsys.readouterr().out
    assert declared(site, "prod") == [4, 3, 2]


@pytest.mark.long(7)
def test_production_drops_without_a_pull_request(team: Team) -> None:
    """`slipway promote --due` drops old releases with a push to the branch."""
    site = team.site
    for _ in range(4):
        site.released()
        assert cli.main(["-C", str(site.root), "promote", "iris", "--allow-unbuilt"]) == 0
        site.verify(site.overlay(environment="prod").releases[0].name, environment="prod")
    team.push(site)
    assert cli.main(["-C", str(site.root), "promote", "--due", "--push"]) == 0
    assert declared(team.here(), "prod") == [4, 3, 2]
    assert team.forge.repository(NAME).pulls == []
