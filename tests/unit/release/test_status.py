"""`slipway status` returns a row for each model in each environment."""

import pytest

from slipway.cli import main
from slipway.errors import SlipwayError
from slipway.release.candidates import Wish
from slipway.release.decisions import hold, lift, rollback
from slipway.release.promote import promote
from slipway.release.status import Row, checked_out, place, status
from tests.unit.conftest import Site
from tests.unit.release.conftest import Team, pushed


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


def test_what_another_environment_has_rejected_is_told(site: Site) -> None:
    """By the image and by the artifact, in both directions, also after the hold was lifted."""
    site.released()
    name = site.released()
    promote(site.settings, "iris", Wish(allow_unbuilt=True))
    assert "has rejected" not in status(site.settings, ["iris"], "prod")[0].next
    rollback(site.settings, "iris", "test", reason="wrong")
    lift(site.settings, "iris", "test")
    there = next(iter(site.overlay(environment="prod").route))
    [row] = status(site.settings, ["iris"], "prod")
    way = "slipway rollback iris --env prod --reason '…'"
    assert row.next.startswith(f"test has rejected what {there} is (there {name}): {way}; ")
    assert "has rejected" not in status(site.settings, ["iris"], "test")[0].next
    hold(site.settings, "iris", "prod", reason="audit")
    assert f"(there {name}): {way}; held by Ada" in status(site.settings, ["iris"], "prod")[0].next


def test_what_production_has_rejected_is_told_in_test(site: Site) -> None:
    """Test serves on what nobody can promote."""
    for _ in range(2):
        name = site.released()
        promote(site.settings, "iris", Wish(allow_unbuilt=True))
    rollback(site.settings, "iris", "prod", reason="wrong")
    assert status(site.settings, ["iris"], "test")[0].next.startswith(f"prod has rejected what {name} is (there v2-")


def test_how_far_a_clone_is_behind(team: Team) -> None:
    """Commits that were fetched and not merged are counted, and so are those that are here alone."""
    clone = team.clone("clone")
    assert place(checked_out(clone.settings)) == []
    team.site.released(place=pushed(team.site))
    assert place(checked_out(clone.settings)) == []  # nobody has fetched
    clone.git("fetch", "--quiet")
    [behind] = place(checked_out(clone.settings))
    assert behind.startswith("this clone is 1 commit behind origin/main, as fetched last: git pull; ")
    clone.write("notes", "mine")
    clone.commit()
    assert place(checked_out(clone.settings))[1:] == ["1 commit of this clone is not on origin/main"]
    clone.git("remote", "remove", "origin")
    assert place(checked_out(clone.settings)) == []


@pytest.mark.parametrize("prune", ["false", "true"])
def test_the_remote_is_read_and_nothing_here_changes(
    team: Team, capsys: pytest.CaptureFixture[str], prune: str
) -> None:
    """Overlays and code are those of the remote: neither a reference nor a file of the clone moves."""
    clone = team.clone("clone")
    name = team.site.released(place=pushed(team.site))
    team.site.write("model/iris/requirements.txt", "")
    team.site.set("iris: {train: manual}", "iris: {train: declared}")
    team.push(team.site)
    team.bare.git("tag", "later", "refs/heads/main")
    for key in ("fetch.prune", "remote.origin.prune", "fetch.pruneTags"):
        clone.git("config", key, prune)
    clone.git("update-ref", "refs/remotes/origin/gone", "HEAD")
    before = clone.git("for-each-ref"), (clone.root / ".git/FETCH_HEAD").exists(), clone.git("status", "--porcelain")
    assert main(["-C", str(clone.root), "status", "iris", "--env", "test", "--remote"]) == 0
    printed = capsys.readouterr().out
    assert f"{name} 100 %" in printed and "the code has changed since" in printed
    assert f"of origin/main at {team.site.head[:12]}, read from " in printed
    after = clone.git("for-each-ref"), (clone.root / ".git/FETCH_HEAD").exists(), clone.git("status", "--porcelain")
    assert after == before
    assert main(["-C", str(clone.root), "status", "iris", "--env", "test"]) == 0
    assert "nothing runs" in capsys.readouterr().out


def test_a_remote_without_the_branch(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """It is told, as is a clone without a remote."""
    clone = team.clone("clone")
    clone.write("slipway.yaml", f"branch: trunk\n{(clone.root / 'slipway.yaml').read_text()}")
    assert main(["-C", str(clone.root), "status", "--remote"]) == 1
    assert "origin has no branch trunk" in capsys.readouterr().err
    clone.git("remote", "remove", "origin")
    assert main(["-C", str(clone.root), "status", "--remote"]) == 1
    assert "has no remote origin" in capsys.readouterr().err
