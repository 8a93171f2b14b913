"""`slipway traffic`, `rollback`, `hold` and `lift`."""

import subprocess
import sys

import pytest

from slipway.errors import SlipwayError
from slipway.release.holds import hold, lift
from slipway.release.promote import Wish, promote
from slipway.release.rollback import rollback
from slipway.release.status import status
from slipway.release.traffic import traffic
from slipway.store import Store
from tests.unit.conftest import Site


def test_traffic(site: Site) -> None:
    """Declared releases share the requests as asked, in one commit that says so."""
    site.released()
    site.released()
    done = traffic(site.settings, "iris", "test", {"v1": 90, "v2": 10})
    assert site.versions() == {1: 90, 2: 10}
    assert done.commit == site.head
    assert site.git("log", "-1", "--format=%s").startswith("test/iris: traffic v2-")
    assert traffic(site.settings, "iris", "test", {"1": 90, "2": 10}).commit is None


def test_what_is_taken_back_does_not_return_by_itself(site: Site) -> None:
    """A release that a person gave no requests any more gets none from the next run; a newer version does."""
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
def test_shares_that_cannot_be(site: Site, shares: dict[str, int], problem: str) -> None:
    """Nothing is committed for shares that do not make a route."""
    site.released()
    site.released()
    head = site.head
    with pytest.raises(SlipwayError, match=problem):
        traffic(site.settings, "iris", "test", shares)
    assert site.head == head


def test_rollback(site: Site) -> None:
    """The verified release before takes all requests, the newer is removed and rejected, and the model is held."""
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


def test_rollback_passes_over_what_was_not_verified(site: Site) -> None:
    """What never answered its golden predictions is not gone back to by itself."""
    first = site.released()
    site.publish()
    site.release("iris")
    site.released()
    rollback(site.settings, "iris", "test", reason="wrong")
    assert site.overlay().route == {first: 100}
    assert [name.version for name in site.overlay().rejected] == [2, 3]


def test_in_production_what_it_has_verified_itself_comes_first(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was verified in test alone is gone back to where there is nothing better, and that is said."""
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


def test_rollback_twice(site: Site) -> None:
    """Each rollback goes one further, and what was rejected stays so."""
    for _ in range(3):
        site.released()
    rollback(site.settings, "iris", "test", reason="wrong")
    rollback(site.settings, "iris", "test", reason="wrong as well")
    assert site.versions() == {1: 100}
    with pytest.raises(SlipwayError, match="no older release") as caught:
        rollback(site.settings, "iris", "test", reason="all wrong")
    assert "there is no older one at all" in caught.value.fix


def test_rollback_to_a_folder_that_is_gone(site: Site) -> None:
    """A release that retention dropped comes back from git's history, every byte of it."""
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


def test_rollback_through_merges(site: Site) -> None:
    """A release that came by a merged branch is found in history like any other."""
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


def test_rollback_of_a_share(site: Site) -> None:
    """A release that has only a share yet is taken away the same way."""
    site.released()
    site.released(traffic=10)
    rollback(site.settings, "iris", "test", reason="wrong")
    assert site.versions() == {1: 100}


def test_rollback_without_the_store(site: Site) -> None:
    """With a target the store is not asked: the way back stays open when it cannot be reached."""
    site.released()
    site.released()
    site.set("store: .slipway/store/test", "store: gs://no-such-bucket/test")
    rollback(site.settings, "iris", "test", reason="wrong", to="1")
    assert site.versions() == {1: 100}


def test_rollback_with_work_in_progress(site: Site) -> None:
    """Changes elsewhere do not stop a rollback; changes in the overlay do."""
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
def test_rollback_to_what_cannot_be(site: Site, target: str, problem: str) -> None:
    """A target that runs already, or never was, is refused."""
    site.released()
    site.released()
    with pytest.raises(SlipwayError, match=problem):
        rollback(site.settings, "iris", "test", reason="wrong", to=target)


def test_rollback_to_a_newer_release(site: Site) -> None:
    """Forward is not back: the verbs for that are named."""
    site.released()
    site.released()
    traffic(site.settings, "iris", "test", {"1": 100})
    with pytest.raises(SlipwayError, match="is newer than"):
        rollback(site.settings, "iris", "test", reason="wrong", to="2")


def test_nothing_to_roll_back(site: Site) -> None:
    """Where nothing runs there is nothing to go back from."""
    with pytest.raises(SlipwayError, match="nothing of iris runs in test"):
        rollback(site.settings, "iris", "test", reason="wrong")


def test_an_undone_rollback(site: Site) -> None:
    """`git revert` of the commit brings everything back as it was."""
    site.released()
    site.released()
    before = site.overlay()
    rollback(site.settings, "iris", "test", reason="wrong")
    site.git("revert", "--no-edit", "HEAD")
    assert site.overlay() == before


def test_hold_and_lift(site: Site) -> None:
    """A held model is not released; lifting says what is due, and how."""
    site.released()
    hold(site.settings, "iris", "test", reason="audit")
    site.publish()
    [outcome] = site.release("iris").outcomes
    assert outcome.result == "held" and "audit" in outcome.text
    [asked] = site.release("iris", version=2).outcomes
    assert asked.result == "failed" and "slipway lift iris --env test" in asked.text
    done = lift(site.settings, "iris", "test")
    assert done.lines[-1] == "due now: v2 is newer than the deployed v1: slipway release iris --env test"
    site.release("iris")
    assert site.versions() == {2: 100}


def test_hold_before_anything_runs(site: Site) -> None:
    """A model can be held before its first release."""
    hold(site.settings, "iris", "test", reason="not yet")
    site.publish()
    assert site.release("iris").outcomes[0].result == "held"
    assert hold(site.settings, "iris", "test", reason="again").commit is None


def test_lifting_what_is_not_held(site: Site) -> None:
    """There is nothing to do, and it is said."""
    assert lift(site.settings, "iris", "test").lines == ["test: iris is not held"]


def test_a_reason_is_needed(site: Site) -> None:
    """An empty reason helps nobody."""
    with pytest.raises(SlipwayError, match="no reason"):
        hold(site.settings, "iris", "test", reason=" ")


def test_an_unknown_model(site: Site) -> None:
    """The nearest known name is given."""
    with pytest.raises(SlipwayError, match="unknown model 'irsi'"):
        hold(site.settings, "irsi", "test", reason="audit")


def test_models_changed_at_the_same_time(site: Site) -> None:
    """Two processes in one work tree, each with a model of its own: both changes land."""
    script = """
import sys
from pathlib import Path
from slipway import settings
from slipway.release.holds import hold, lift
loaded = settings.load(Path(sys.argv[1]))
for _ in range(3):
    hold(loaded, sys.argv[2], "test", reason="a race")
    lift(loaded, sys.argv[2], "test")
hold(loaded, sys.argv[2], "test", reason="the end")
"""
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(site.root), model], stderr=subprocess.PIPE)
        for model in ("iris", "tumor")
    ]
    for process in processes:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors.decode()
    assert site.git("rev-list", "--count", "HEAD") == "15"
    for model in ("iris", "tumor"):
        found = site.overlay(model).hold
        assert found is not None and found.reason == "the end"
