"""`slipway rollback` returns to an older release, rejects the newer ones and holds the model."""

import pytest

from slipway.errors import SlipwayError
from slipway.release.holds import lift
from slipway.release.promote import Wish, promote
from slipway.release.rollback import rollback
from slipway.release.traffic import traffic
from slipway.store import Store
from tests.unit.conftest import Site


def test_a_rollback_rejects_the_newer_release_and_holds_the_model(site: Site) -> None:
    """The previous verified release gets all requests, and the folder of the newer one is removed."""
    first = site.released()
    second = site.released()
    done = rollback(site.settings, "iris", "test", reason="wrong answers")
    overlay = site.overlay()
    assert overlay.route == {first: 100}
    assert overlay.rejected == (second,)
    assert [release.name for release in overlay.releases] == [first]
    assert overlay.hold is not None
    assert (overlay.hold.by, overlay.hold.reason) == ("Ada <ada@example.org>", "wrong answers")
    assert not (site.root / f"overlays/test/iris/{second}").exists()
    assert done.commit == site.head and "wrong answers" in site.git("log", "-1", "--format=%b")


def test_a_rollback_skips_unverified_releases(site: Site) -> None:
    """A release that never answered its golden predictions is not chosen by itself."""
    first = site.released()
    site.publish()
    site.release("iris")
    site.released()
    rollback(site.settings, "iris", "test", reason="wrong")
    assert site.overlay().route == {first: 100}
    assert [name.version for name in site.overlay().rejected] == [2, 3]


def test_a_rollback_prefers_releases_verified_in_its_environment(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release verified only in test is chosen if there is no better one, and a line says so."""
    for _ in range(3):
        site.released()
        promote(site.settings, "iris", Wish(allow_unbuilt=True))
    first, second, _ = sorted(release.name for release in site.overlay(environment="prod").releases)
    site.verify(first, environment="prod")
    done = rollback(site.settings, "iris", "prod", reason="wrong")
    assert site.overlay(environment="prod").route == {first: 100}
    assert not any("verified in test alone" in line for line in done.lines)
    site.git("reset", "--quiet", "--hard", "HEAD^")
    (site.root / f".slipway/store/prod/iris/verified/{first}.json").unlink()
    done = rollback(site.settings, "iris", "prod", reason="wrong")
    assert site.overlay(environment="prod").route == {second: 100}
    assert f"{second} was verified in test alone: nothing older was verified in prod" in done.lines
    site.git("reset", "--quiet", "--hard", "HEAD^")

    def nothing(*_: object) -> None:
        raise SlipwayError("the store does not answer")

    monkeypatch.setattr(Store, "verified", nothing)
    done = rollback(site.settings, "iris", "prod", reason="wrong")
    assert f"{second} was verified in test alone: the store does not answer" in done.lines


def test_a_second_rollback_goes_one_release_further(site: Site) -> None:
    """Rejected releases stay rejected. The last release has none to return to."""
    for _ in range(3):
        site.released()
    rollback(site.settings, "iris", "test", reason="wrong")
    rollback(site.settings, "iris", "test", reason="wrong as well")
    assert site.versions() == {1: 100}
    with pytest.raises(SlipwayError, match="no older release") as caught:
        rollback(site.settings, "iris", "test", reason="all wrong")
    assert "there is no older one at all" in caught.value.fix


def test_a_dropped_release_comes_back_from_history(site: Site) -> None:
    """The folder of a release that retention dropped is restored byte by byte."""
    first = site.released()
    before = site.overlay().release(first)
    for _ in range(4):
        site.released()
    site.drop()
    assert not site.overlay().has(first)
    rollback(site.settings, "iris", "test", reason="wrong", to="v1")
    assert site.overlay().releases == (before,)
    assert site.versions() == {1: 100}
    lift(site.settings, "iris", "test")
    assert site.release("iris").commit is None


def test_a_release_of_a_merged_branch_is_found_in_history(site: Site) -> None:
    """A rollback to it works as to any other release."""
    first = site.released()
    site.git("switch", "--quiet", "-c", "side")
    second = site.released()
    site.git("switch", "--quiet", "main")
    site.git("merge", "--quiet", "--no-ff", "-m", "Merge", "side")
    for _ in range(4):
        site.released()
    site.drop()
    rollback(site.settings, "iris", "test", reason="wrong", to=str(second))
    assert site.overlay().route == {second: 100}
    assert first not in site.overlay().rejected


def test_a_release_with_a_share_is_rolled_back(site: Site) -> None:
    """The older release gets all requests again."""
    site.released()
    site.released(traffic=10)
    rollback(site.settings, "iris", "test", reason="wrong")
    assert site.versions() == {1: 100}


def test_a_rollback_to_a_named_release_needs_no_store(site: Site) -> None:
    """It works while the store cannot be reached."""
    site.released()
    site.released()
    site.set("store: .slipway/store/test", "store: gs://no-such-bucket/test")
    rollback(site.settings, "iris", "test", reason="wrong", to="1")
    assert site.versions() == {1: 100}


def test_only_changes_in_the_overlay_stop_a_rollback(site: Site) -> None:
    """Uncommitted changes elsewhere stay as they are."""
    site.released()
    site.released()
    site.write("model/iris/model.py", "half = ")
    site.write("overlays/test/iris/route.yaml", "mine")
    with pytest.raises(SlipwayError, match=r"overlays/test/iris/route\.yaml"):
        rollback(site.settings, "iris", "test", reason="wrong")
    site.git("checkout", "--", "overlays")
    rollback(site.settings, "iris", "test", reason="wrong")
    assert site.git("status", "--porcelain") == "M model/iris/model.py"


@pytest.mark.parametrize(
    ("target", "problem"), [("v2", "is all that runs"), ("v9", "has no release v9"), ("v1-00000000", "has no release")]
)
def test_a_target_that_runs_or_does_not_exist_is_refused(site: Site, target: str, problem: str) -> None:
    """The error says which of the two it is."""
    site.released()
    site.released()
    with pytest.raises(SlipwayError, match=problem):
        rollback(site.settings, "iris", "test", reason="wrong", to=target)


def test_a_rollback_to_a_newer_release_is_refused(site: Site) -> None:
    """The error says that the target is newer."""
    site.released()
    site.released()
    traffic(site.settings, "iris", "test", {"1": 100})
    with pytest.raises(SlipwayError, match="is newer than"):
        rollback(site.settings, "iris", "test", reason="wrong", to="2")


def test_a_rollback_without_a_running_release_is_refused(site: Site) -> None:
    """The error names the model and the environment."""
    with pytest.raises(SlipwayError, match="nothing of iris runs in test"):
        rollback(site.settings, "iris", "test", reason="wrong")


def test_git_revert_undoes_a_rollback(site: Site) -> None:
    """The overlay is the same as before the rollback."""
    site.released()
    site.released()
    before = site.overlay()
    rollback(site.settings, "iris", "test", reason="wrong")
    site.git("revert", "--no-edit", "HEAD")
    assert site.overlay() == before
