"""Decisions of a person: hold, lift, roll back, and divide the requests of a model."""

import subprocess
import sys

import pytest

from slipway.errors import SlipwayError
from slipway.gitops import history, rendering
from slipway.release.candidates import Wish
from slipway.release.decisions import hold, lift, rollback, traffic
from slipway.release.promote import promote
from slipway.release.status import status
from slipway.store import Store
from tests.unit.conftest import Site


def test_a_held_model_is_not_released_until_lifted(site: Site) -> None:
    """Lifting reports the due version and the command that releases it."""
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


def test_a_model_can_be_held_before_its_first_release(site: Site) -> None:
    """A second hold changes nothing."""
    hold(site.settings, "iris", "test", reason="not yet")
    site.publish()
    assert site.release("iris").outcomes[0].result == "held"
    assert hold(site.settings, "iris", "test", reason="again").commit is None


def test_lifting_a_model_without_a_hold_changes_nothing(site: Site) -> None:
    """A line says that the model is not held."""
    assert lift(site.settings, "iris", "test").lines == ["test: iris is not held"]


def test_a_hold_without_a_reason_is_refused(site: Site) -> None:
    """A blank reason counts as none."""
    with pytest.raises(SlipwayError, match="no reason"):
        hold(site.settings, "iris", "test", reason=" ")


def test_a_reason_as_people_write_it(site: Site) -> None:
    """No-break spaces and joined emoji stay, in the overlay and in the commit; two lines are refused."""
    reason = "12\u00a0% trop bas \U0001f469\u200d\U0001f4bb"
    hold(site.settings, "iris", "test", reason=reason)
    held = site.overlay().hold
    assert held is not None and held.reason == reason
    assert f"Reason: {reason}" in site.git("log", "-1", "--format=%B")
    for bad in ("two\nlines", "turned \u202e"):
        with pytest.raises(SlipwayError, match="the reason has a line end"):
            hold(site.settings, "tumor", "test", reason=bad)


def test_an_unknown_model_is_refused(site: Site) -> None:
    """The error names the model."""
    with pytest.raises(SlipwayError, match="unknown model 'irsi'"):
        hold(site.settings, "irsi", "test", reason="audit")


def test_two_processes_hold_two_models_at_the_same_time(site: Site) -> None:
    """Both work in one work tree, and every change of both is committed."""
    script = """
import sys
from pathlib import Path
from slipway import settings
from slipway.release.decisions import hold, lift
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
    assert not any("verified in test only" in line for line in done.lines)
    site.git("reset", "--quiet", "--hard", "HEAD^")
    (site.root / f".slipway/store/prod/iris/verified/{first}.json").unlink()
    done = rollback(site.settings, "iris", "prod", reason="wrong")
    assert site.overlay(environment="prod").route == {second: 100}
    assert f"{second} was verified in test only: no older release was verified in prod" in done.lines
    site.git("reset", "--quiet", "--hard", "HEAD^")

    def nothing(*_: object) -> None:
        raise SlipwayError("the store does not answer")

    monkeypatch.setattr(Store, "verified", nothing)
    done = rollback(site.settings, "iris", "prod", reason="wrong")
    assert f"{second} was verified in test only: the store does not answer" in done.lines


def test_a_named_second_rollback_goes_one_release_further(site: Site) -> None:
    """Rejected releases stay rejected. The last release has none to return to."""
    for _ in range(3):
        site.released()
    rollback(site.settings, "iris", "test", reason="wrong")
    rollback(site.settings, "iris", "test", reason="wrong as well", left="v2")
    assert site.versions() == {1: 100}
    with pytest.raises(SlipwayError, match="has no verified release that is older than v1") as caught:
        rollback(site.settings, "iris", "test", reason="all wrong", left="v1")
    assert "there is no older release at all" in caught.value.fix


def test_a_second_rollback_that_names_nothing_is_refused(site: Site) -> None:
    """While the hold of a rollback stands, the same command again would go back twice."""
    for _ in range(3):
        site.released()
    rollback(site.settings, "iris", "test", reason="wrong")
    head = site.head
    with pytest.raises(SlipwayError, match=r"back at v2-\w+ already: held by Ada .*: wrong") as caught:
        rollback(site.settings, "iris", "test", reason="wrong")
    assert "--from v2-" in caught.value.fix and "--to RELEASE" in caught.value.fix
    assert site.head == head
    rollback(site.settings, "iris", "test", reason="wrong", to="v1")
    assert site.versions() == {1: 100}


def test_a_hold_made_by_hand_does_not_stop_a_rollback(site: Site) -> None:
    """An emergency needs no other words where a person holds the model, also after an earlier rollback."""
    for _ in range(3):
        site.released()
    rollback(site.settings, "iris", "test", reason="wrong")
    lift(site.settings, "iris", "test")
    hold(site.settings, "iris", "test", reason="audit")
    rollback(site.settings, "iris", "test", reason="wrong again")
    assert site.versions() == {1: 100}


def test_a_rollback_from_a_release_can_be_repeated(site: Site) -> None:
    """The first call changes the route, every later one nothing, whatever it calls the release."""
    for _ in range(3):
        site.released()
    newest = site.overlay().releases[0].name
    rollback(site.settings, "iris", "test", reason="wrong", left="v3")
    head = site.head
    for left in (str(newest), "v3", "3"):
        done = rollback(site.settings, "iris", "test", reason="wrong", left=left)
        assert done.commit is None and "is already rolled back from" in done.lines[0]
    lift(site.settings, "iris", "test")
    assert rollback(site.settings, "iris", "test", reason="wrong", left="v3").commit is None
    assert site.versions() == {2: 100} and site.git("rev-parse", "HEAD^") == head


def test_a_rollback_from_a_release_that_does_not_run_is_refused(site: Site) -> None:
    """What runs is another release than the caller believes."""
    for _ in range(3):
        site.released()
    with pytest.raises(SlipwayError, match=r"v2-\w+ is not what runs: v3-\w+ 100 %"):
        rollback(site.settings, "iris", "test", reason="wrong", left="v2")
    with pytest.raises(SlipwayError, match="has no release v7"):
        rollback(site.settings, "iris", "test", reason="wrong", left="v7")


def test_two_rollbacks_at_the_same_time_go_back_once(site: Site) -> None:
    """The second of two processes is refused, whichever it is."""
    for _ in range(3):
        site.released()
    command = [sys.executable, "-m", "slipway", "rollback", "iris", "--env", "test", "--reason", "wrong"]
    both = [subprocess.Popen(command, cwd=site.root, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    ended = [(process.communicate()[1], process.returncode) for process in both]
    assert sorted(code for _, code in ended) == [0, 1], ended
    assert "is back at v2-" in next(said for said, code in ended if code)
    assert site.versions() == {2: 100}


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


@pytest.mark.long(3)
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


@pytest.mark.parametrize("environment", ["test", "prod"])
def test_a_first_release_is_stopped(site: Site, environment: str) -> None:
    """The route goes with all releases, which are rejected; only a person chooses one again."""
    name = site.released()
    promote(site.settings, "iris", Wish(allow_unbuilt=True))
    with pytest.raises(SlipwayError, match="no verified release that is older") as caught:
        rollback(site.settings, "iris", environment, reason="wrong")
    assert "--to nothing takes the model off" in caught.value.fix
    done = rollback(site.settings, "iris", environment, reason="wrong", to="nothing")
    assert done.lines[0].startswith(f"{environment}: iris is back at nothing; rejected: v1-")
    after = site.overlay(environment=environment)
    assert (after.releases, after.route, [each.short for each in after.rejected]) == ((), {}, [name.short])
    assert after.hold and after.hold.rolled_back.startswith("v1-")
    folder = site.root / f"overlays/{environment}/iris"
    assert rendering.build(folder, site.root).strip() == b""
    again = rollback(site.settings, "iris", environment, reason="wrong", left="v1", to="nothing")
    assert again.commit is None and "already rolled back from v1" in again.lines[0]
    assert history.events(site.settings)[0].what == f"rolled back to nothing, rejected {after.rejected[0]}: wrong"
    lift(site.settings, "iris", environment)
    if environment == "test":
        assert site.release("iris").commit is None
        site.release("iris", version=1)
        assert site.versions() == {1: 100}
        return
    with pytest.raises(SlipwayError, match="prod has rejected"):
        promote(site.settings, "iris", Wish(allow_unbuilt=True))
    promote(site.settings, "iris", Wish(allow_unbuilt=True, again=True))
    assert site.versions(environment="prod") == {2: 100}


def test_a_rollback_without_a_running_release_is_refused(site: Site) -> None:
    """The error names the model and the environment."""
    with pytest.raises(SlipwayError, match="no release of iris runs in test"):
        rollback(site.settings, "iris", "test", reason="wrong")


def test_git_revert_undoes_a_rollback(site: Site) -> None:
    """The overlay is the same as before the rollback."""
    site.released()
    site.released()
    before = site.overlay()
    rollback(site.settings, "iris", "test", reason="wrong")
    site.git("revert", "--no-edit", "HEAD")
    assert site.overlay() == before


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
        ({"v1": 90}, "add up to 90 percent"),
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
