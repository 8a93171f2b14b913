"""`slipway history` reads from commits which release ran, when it was declared, and by whom."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.gitops.branches import Here, Proposed
from slipway.gitops.history import at, events, told
from slipway.release.candidates import Wish
from slipway.release.decisions import hold, lift, rollback, traffic
from slipway.release.promote import promote
from tests.unit.conftest import Site


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> "Clock":
    """Set the time that commits get."""
    return Clock(monkeypatch)


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def set(self, hour: int) -> None:
        for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
            self._monkeypatch.setenv(name, f"2026-11-21T{hour:02d}:00:00+00:00")


def moment(hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 11, 21, hour, minute, tzinfo=UTC)


def test_every_kind_of_change(site: Site, clock: Clock) -> None:
    """History describes releases, shares, promotions, rollbacks, holds and lifts, newest first."""
    clock.set(1)
    one = site.released()
    clock.set(2)
    two = site.released(traffic=20)
    clock.set(3)
    traffic(site.settings, "iris", "test", {"1": 50, "2": 50})
    clock.set(4)
    promote(site.settings, "iris", Wish(allow_unbuilt=True), to="prod")
    clock.set(5)
    rollback(site.settings, "iris", "test", reason="wrong")
    clock.set(6)
    lift(site.settings, "iris", "test")
    clock.set(7)
    hold(site.settings, "iris", "prod", reason="audit")
    site.write("notes", "nothing that runs")
    site.commit()

    found = events(site.settings)
    assert [(event.when.hour, event.environment, event.what) for event in found] == [
        (7, "prod", "held: audit"),
        (6, "test", "lifted the hold"),
        (5, "test", f"rolled back to {one} 100 %, rejected {two}: wrong"),
        (4, "prod", f"promoted v1-{two.short} from test/{two}"),
        (3, "test", f"traffic {two} 50 %, {one} 50 %"),
        (2, "test", f"released {two} with 20 %"),
        (1, "test", f"released {one}"),
    ]
    assert {event.who for event in found} == {"Ada <ada@example.org>"}
    assert [event.environment for event in events(site.settings, environment="prod")] == ["prod", "prod"]
    assert events(site.settings, ["tumor"]) == []


def test_an_undone_and_a_repeated_release(site: Site) -> None:
    """History lists a git revert, and a release with other settings, as changes."""
    one = site.released()
    site.released()
    undone = site.head
    site.git("revert", "--no-edit", "HEAD")
    site.set("iris: {train: manual}", "iris: {train: manual, scale: {max: 9}}")
    site.release("iris", version=1)
    again, reverted, *_ = events(site.settings)
    assert again.what == f"released {one} again, with other settings"
    assert reverted.what == f"reverted {undone[:12]}: traffic to {one}"


REVERTED: dict[str, Callable[[Site], object]] = {
    "a release": lambda site: site.released(),
    "a share": lambda site: traffic(site.settings, "iris", "test", {"1": 50, "2": 50}),
    "a hold": lambda site: hold(site.settings, "iris", "test", reason="audit"),
    "a rollback": lambda site: rollback(site.settings, "iris", "test", reason="wrong"),
}


@pytest.mark.parametrize("how", ["", "merged", "reference", "held"])
@pytest.mark.parametrize("change", REVERTED)
def test_a_revert_names_the_commit(site: Site, change: str, how: str) -> None:
    """Reverted on the branch or by a merge, with a short id, or while a hold stands."""
    site.released()
    site.released()
    REVERTED[change](site)
    undone = site.head
    if how == "held" and change in ("a release", "a share"):
        hold(site.settings, "iris", "test", reason="a look")
    if how == "merged":
        site.git("switch", "--quiet", "-c", "revert")
    site.git("-c", f"revert.reference={'true' if how == 'reference' else 'false'}", "revert", "--no-edit", undone)
    if how == "merged":
        site.git("switch", "--quiet", "main")
        site.git("merge", "--quiet", "--no-ff", "-m", "Merge pull request #2 from team/revert", "revert")
    newest, *older = events(site.settings)
    assert newest.what.startswith(f"reverted {undone[:12]}: ") and newest.commit == site.head
    assert not any("revert" in event.what for event in older)


def test_a_message_that_lies_about_a_revert(site: Site) -> None:
    """The files decide, and history says that they differ; a commit that is not there changes nothing."""
    site.released()
    site.released()
    release = site.head
    traffic(site.settings, "iris", "test", {"1": 50, "2": 50})
    plain = events(site.settings)[0].what
    lie = f"; its message says that it reverts {release[:12]}, and its files do not"
    for name, says in ((release, lie), ("a" * 40, "")):
        site.git("commit", "--quiet", "--amend", "-m", f"Mine\n\nThis reverts commit {name}.")
        assert events(site.settings)[0].what == plain + says


def test_a_merged_pull_request_counts_when_it_was_merged(site: Site, clock: Clock) -> None:
    """The time of a promotion is that of the merge, not of the commit on the proposal's branch."""
    clock.set(1)
    site.released()
    clock.set(2)
    promote(
        site.settings,
        "iris",
        Wish(allow_unbuilt=True),
        to="prod",
        place=Proposed(Here(Repository(site.root)), "promote"),
    )
    clock.set(9)
    site.git("merge", "--quiet", "--no-ff", "-m", "Merge", "promote")
    assert [event.when.hour for event in events(site.settings, environment="prod")] == [9]
    assert at(site.settings, moment(8), environment="prod").overlays == []
    assert len(at(site.settings, moment(9), environment="prod").overlays) == 1


def test_at(site: Site, clock: Clock) -> None:
    """The state at a time is that of the newest commit at or before it."""
    clock.set(1)
    one = site.released()
    clock.set(3)
    two = site.released()
    for time, route in [((1, 0), {one: 100}), ((2, 59), {one: 100}), ((3, 0), {two: 100}), ((5, 0), {two: 100})]:
        found = at(site.settings, moment(*time))
        assert [overlay.route for overlay in found.overlays] == [route]
    assert site.head[:12] in told(found)


def test_before_everything(site: Site) -> None:
    """Before the first commit nothing was declared."""
    found = at(site.settings, datetime(2001, 1, 1, tzinfo=UTC))
    assert (found.commit, found.overlays) == (None, [])
    assert told(found) == "at 2001-01-01T00:00:00Z nothing was declared yet"


def test_a_shallow_clone(site: Site, tmp_path: Path) -> None:
    """A clone without older commits is refused, because its history would be wrong."""
    one, two = site.released(), site.released()
    site.git("clone", "--quiet", "--depth=1", site.root.as_uri(), str(tmp_path / "shallow"))
    shallow = Site(tmp_path / "shallow")
    for ask in (lambda: events(shallow.settings), lambda: at(shallow.settings, datetime.now(UTC))):
        with pytest.raises(SlipwayError, match="shallow clone") as caught:
            ask()
        assert caught.value.fix == "git fetch --unshallow"
    with pytest.raises(SlipwayError, match="no release v9") as caught:
        rollback(shallow.settings, "iris", "test", reason="wrong", to="v9")
    assert "git fetch --unshallow" in caught.value.fix
    rollback(shallow.settings, "iris", "test", reason="wrong", to=str(one))
    assert shallow.overlay().rejected == (two,)


def test_files_that_somebody_damaged(site: Site) -> None:
    """History says which commit cannot be read, and still describes the others."""
    one = site.released()
    site.write("overlays/test/iris/route.yaml", "spec: [")
    site.commit("By hand")
    site.git("revert", "--no-edit", "HEAD")
    found = [event.what for event in events(site.settings)]
    assert found[-1] == f"released {one}"
    assert all(what.endswith("the files cannot be read: somebody changed them by hand") for what in found[:2])


def test_removed(site: Site) -> None:
    """Argo CD deletes nothing of a folder that is gone; it does of a model that was taken off before."""
    site.released()
    site.git("rm", "-r", "-q", "overlays/test/iris")
    site.commit("Gone")
    assert events(site.settings)[0].what == "removed from git: what the cluster runs of it stays there"
    assert at(site.settings, datetime.now(UTC)).overlays == []
    site.git("revert", "--no-edit", "HEAD")
    rollback(site.settings, "iris", "test", reason="gone", to="nothing")
    site.git("rm", "-r", "-q", "overlays/test/iris")
    site.commit("Gone")
    assert events(site.settings)[0].what == "lifted the hold"


def test_letters_of_control(site: Site) -> None:
    """An author and a message may hold any of them but a zero, which alone stands between commits."""
    site.released()
    first = site.head
    site.write("overlays/README.md", "x")
    site.git("add", "--all")
    message = f"This reverts commit {first}\x01--all\x02\x01{first}"
    site.git("commit", "--quiet", "--author", "A\x01d\x02a <ada@example.org>", "-m", message)
    name = site.released()
    message = f"Back\x01\x02\n\nThis reverts commit {site.head}\x01\x02."
    site.git("revert", "--no-edit", "HEAD")
    site.git("commit", "--quiet", "--amend", "--author", "A\x01d\x02a <ada@example.org>", "-m", message)
    found = events(site.settings)
    assert len(found) == 3 and found[0].what.startswith("reverted ") and found[0].who == "A\x01d\x02a <ada@example.org>"
    assert str(name) in found[1].what
