"""A revert that leads to an overlay of the base branch passes the check, also under a hold; another one is refused."""

from collections.abc import Callable

import msgspec
import pytest

from slipway.names import ReleaseName
from slipway.overlays.types import Hold
from slipway.release.candidates import Wish
from slipway.release.decisions import hold, lift, rollback, traffic
from slipway.release.promote import promote
from tests.turns import in_turns
from tests.unit.conftest import Site
from tests.unit.review.conftest import FOLDER, look, overlay, put, said

SINCE = "2026-11-21T10:00:00Z"


def newest(team: Site, environment: str) -> str:
    """Return the commit that brought the newest release."""
    name = sorted(path.name for path in (team.root / f"overlays/{environment}/iris").glob("v*"))[-1]
    return team.git("log", "-1", "--format=%H", "--diff-filter=A", "--", f"overlays/{environment}/iris/{name}")


def merged(team: Site) -> str:
    """Promote by a branch and a merge commit, and return that."""
    team.git("switch", "--quiet", "-c", "proposal")
    promote(team.settings, "iris", Wish(allow_unbuilt=True), to="prod")
    team.git("switch", "--quiet", "main")
    team.git("merge", "--quiet", "--no-ff", "--no-edit", "proposal")
    return team.head


def shared(team: Site) -> str:
    traffic(team.settings, "iris", "prod", {"v1": 40, "v2": 60})
    return team.head


def again(team: Site) -> str:
    """Release once more what is served, with other settings."""
    [name] = overlay(team, "main", "test").route
    team.set("iris: {train: manual}", "iris: {train: manual, scale: {max: 7}}")
    team.release("iris", version=name.version)
    return team.head


COMMITS: dict[str, tuple[str, Callable[[Site], str]]] = {
    "a release": ("test", lambda team: newest(team, "test")),
    "a promotion": ("prod", lambda team: newest(team, "prod")),
    "a merged promotion": ("prod", merged),
    "a share": ("prod", shared),
    "a release with other settings": ("test", again),
}
HOLDS = ["before", "in the same change", "none"]


@pytest.mark.parametrize(
    ("commit", "when"), in_turns([(commit, when) for when in HOLDS for commit in COMMITS], always=5)
)
def test_a_revert_passes(team: Site, commit: str, when: str) -> None:
    """Whatever commit it undoes, and whether the model is held before, on the way, or not at all."""
    environment, make = COMMITS[commit]
    made = make(team)
    before = overlay(team, f"{made}^1", environment)
    if when == "before":
        hold(team.settings, "iris", environment, reason="wrong")
    team.git("switch", "--quiet", "-c", "change")
    if when == "in the same change":
        hold(team.settings, "iris", environment, reason="wrong")
    team.git("revert", "--no-edit", *(["-m", "1"] if commit == "a merged promotion" else []), made)
    done = look(team)
    assert done.violations == [] and len(done.lines) == 1
    after = overlay(team, "change", environment)
    assert (after.releases, after.route) == (before.releases, before.route)
    assert (after.hold is None) == (when == "none")


def test_a_revert_to_what_was_changed_by_hand(team: Site) -> None:
    """That a commit of the branch had it makes it no better."""
    made, [name] = newest(team, "test"), overlay(team, "main", "test").route
    path = f"overlays/test/iris/{name}/manifests.yaml"
    team.write(path, (team.root / path).read_text() + "# by hand\n")
    team.commit("By hand")
    again(team)
    assert overlay(team, "main", "test") != overlay(team, made, "test")
    team.git("switch", "--quiet", "-c", "change")
    team.git("checkout", "--quiet", "main~2", "--", "overlays/test")
    team.commit("Go back")
    assert any(path in each.path for each in look(team).violations)


def test_a_revert_by_hand_passes(team: Site) -> None:
    """The bytes count, and no commit or message."""
    made = newest(team, "prod")
    hold(team.settings, "iris", "prod", reason="wrong")
    before = overlay(team, f"{made}^")
    put(team, msgspec.structs.replace(before, hold=overlay(team, "main").hold))
    assert said(team) == []


HELD = Hold(by="x", since=SINCE, reason="y")
TAMPERED: dict[str, tuple[Callable[[Site], None], str]] = {
    "a release dropped": (
        lambda team: reverted(team, releases=overlay(team, "main").releases[:1], route={named(team, 2): 100}),
        "is no longer declared",
    ),
    "the hold lifted": (lambda team: reverted(team, hold=None), "while the model is held by Ada"),
    "another hold": (lambda team: reverted(team, hold=HELD), "while the model is held by Ada"),
    "another rejection": (lambda team: reverted(team, rejected=(ReleaseName(9, "0" * 8),)), "rejects v9-00000000"),
    "a former release edited": (lambda team: edited(team), "was changed"),
}


def named(team: Site, version: int) -> ReleaseName:
    return next(each.name for each in overlay(team, "main").releases if each.version == version)


def reverted(team: Site, **changes: object) -> None:
    """Go back to the overlay before the newest promotion, and change something on the way."""
    before = overlay(team, f"{newest(team, 'prod')}^")
    put(team, msgspec.structs.replace(before, **{"hold": overlay(team, "main").hold} | changes))


def edited(team: Site) -> None:
    reverted(team)
    team.git("switch", "--quiet", "change")
    path = f"{FOLDER}/{named(team, 1)}/manifests.yaml"
    team.write(path, (team.root / path).read_text() + "# by hand\n")
    team.commit()


@pytest.mark.parametrize("case", in_turns(TAMPERED, always=3))
def test_a_tampered_revert_is_refused(team: Site, case: str) -> None:
    """Whatever it brings beside the former overlay."""
    change, says = TAMPERED[case]
    hold(team.settings, "iris", "prod", reason="wrong")
    change(team)
    assert any(says in problem for problem in said(team)), said(team)


def test_a_hold_that_a_revert_makes_up(team: Site) -> None:
    """It needs a reason, and none pretends to be the hold of a rollback, which stands in the way of the next one."""
    for made, says in (
        (Hold(by="x", since=SINCE, reason=" "), "holds without a reason"),
        (
            Hold(by="x", since=SINCE, reason="y", rolled_back="v2-00000000"),
            "holds as a rollback from v2-00000000 does, and rejects nothing",
        ),
    ):
        reverted(team, hold=made)
        [problem] = said(team)
        assert says in problem
        put(team, msgspec.structs.replace(overlay(team, "main"), hold=made))
        [problem] = said(team)
        assert says in problem


def test_a_revert_to_what_was_rejected_since(team: Site) -> None:
    """The former state has requests for it; that the rejection stays beside it makes it no better."""
    former = overlay(team, "main")
    rollback(team.settings, "iris", "prod", reason="wrong")
    lift(team.settings, "iris", "prod")
    put(team, msgspec.structs.replace(former, rejected=overlay(team, "main").rejected))
    problems = said(team)
    assert problems and all("was rejected since" in problem or "is rejected" in problem for problem in problems)


def test_a_revert_of_damage_keeps_the_hold(team: Site) -> None:
    """Where the declared overlay cannot be read, the newest one that can be read counts."""
    before = overlay(team, "main")
    hold(team.settings, "iris", "prod", reason="wrong")
    team.write(f"{FOLDER}/route.yaml", "spec: [")
    team.commit("By hand")
    put(team, msgspec.structs.replace(before, hold=overlay(team, "main~1").hold))
    assert said(team) == []
    put(team, overlay(team, f"{newest(team, 'prod')}^"))
    assert any("while the model is held by Ada" in problem for problem in said(team))
