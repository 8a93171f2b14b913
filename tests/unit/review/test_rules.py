"""Changes of route, hold, rejections and releases that no verb makes."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from slipway.names import ReleaseName
from slipway.overlays.types import Hold, Release
from slipway.release.candidates import Wish
from slipway.release.decisions import hold, lift, rollback
from slipway.release.promote import promote
from tests.unit.conftest import Site
from tests.unit.review.conftest import look, overlay, propose, put, said


def reshape(team: Site, **changes: Any) -> None:
    """Change the overlay of production as data."""
    put(team, msgspec.structs.replace(overlay(team, "main"), **changes))


def named(team: Site, version: int) -> Release:
    return next(release for release in overlay(team, "main").releases if release.version == version)


def left(team: Site, **changes: Any) -> Hold:
    """Return the hold of a rollback from what production serves."""
    made = Hold(by="x", since=SINCE, reason="y", rolled_back=str(named(team, 2).name))
    return msgspec.structs.replace(made, **changes)


def back(team: Site, to: int = 1, **changes: Any) -> dict[str, Any]:
    """Return what a rollback changes, and its hold with other content."""
    gone = [named(team, version).name for version in (1, 2) if version > to]
    kept = (named(team, 1),) if to else ()
    return {
        "releases": kept,
        "route": {each.name: 100 for each in kept},
        "rejected": tuple(gone),
        "hold": left(team, **changes),
    }


OTHER = ReleaseName(7, "0" * 8)
SINCE = "2026-11-21T10:00:00Z"
STATES: dict[str, tuple[Callable[[Site], dict[str, Any]], str]] = {
    "an empty route": (lambda _: {"route": {}}, "nothing would answer any more"),
    "a rejection": (lambda _: {"rejected": (OTHER,)}, f"rejects {OTHER} and goes back to nothing"),
    "a rejected release that answers": (
        lambda team: {"rejected": (named(team, 2).name,), "route": {named(team, 2).name: 100}},
        "goes back to nothing",
    ),
    "a dropped release": (
        lambda team: {"releases": (named(team, 2),)},
        "is no longer declared, and retention (3) would keep it",
    ),
    "a hold without a reason": (lambda _: {"hold": Hold(by="x", since=SINCE, reason=" ")}, "holds without a reason"),
    "a hold and a route": (
        lambda team: {
            "hold": Hold(by="x", since=SINCE, reason="y"),
            "route": {named(team, 1).name: 50, named(team, 2).name: 50},
        },
        "goes back to no older release",
    ),
    "a rollback that rejects nothing": (
        lambda team: {
            "hold": left(team),
            "route": {named(team, 1).name: 100},
            "releases": (named(team, 1),),
        },
        "does, and rejects nothing",
    ),
    "a rollback to nothing that rejects one of two": (
        lambda team: {
            "hold": left(team),
            "route": {},
            "releases": (),
            "rejected": (named(team, 2).name,),
        },
        "goes back to nothing and does not reject v1-",
    ),
    "nothing without a hold": (
        lambda team: {"route": {}, "releases": (), "rejected": (named(team, 1).name, named(team, 2).name)},
        "nothing would answer any more",
    ),
    "a rollback that keeps what is newer": (
        lambda team: {
            "hold": left(team),
            "route": {named(team, 1).name: 100},
            "rejected": (named(team, 2).name,),
        },
        "and keeps v2-",
    ),
    "a rollback without a reason": (lambda team: back(team, reason=" "), "holds without a reason"),
    "a rollback to nothing without a reason": (lambda team: back(team, 0, reason=""), "holds without a reason"),
    "a rollback for a reason of two lines": (lambda team: back(team, reason="a\nb"), "that is not one line"),
    "a rollback that hides as a hold": (lambda team: back(team, rolled_back=""), "and its hold is that of no rollback"),
    "a rollback from another release": (
        lambda team: back(team, 0, rolled_back=str(OTHER)),
        f"and its hold is that of {OTHER}",
    ),
    "a hold for a reason of two lines": (
        lambda _: {"hold": Hold(by="x", since=SINCE, reason="a\u2028b")},
        "that is not one line",
    ),
}


@pytest.mark.parametrize("case", STATES)
def test_a_decision_that_no_verb_makes(team: Site, case: str) -> None:
    """The files are well-formed, and the decision in them is refused."""
    change, says = STATES[case]
    reshape(team, **change(team))
    problems = said(team)
    assert says in problems[0]
    assert len(problems) == 1 or case in ("a rejected release that answers", "nothing without a hold")


def test_a_hold_that_is_lifted_on_the_way(team: Site) -> None:
    """A promotion cannot lift the hold that stands in its way."""
    hold(team.settings, "iris", "prod", reason="an incident")
    team.git("switch", "--quiet", "-c", "change")
    lift(team.settings, "iris", "prod")
    promote(team.settings, "iris", Wish(allow_unbuilt=True), to="prod")
    assert said(team) == ["state.yaml: lifts the hold and changes more"]


def test_a_hold_that_is_replaced(team: Site) -> None:
    """The hold keeps its author and its reason."""
    hold(team.settings, "iris", "prod", reason="an incident")
    reshape(team, hold=Hold(by="x", since=SINCE, reason="another"))
    [problem] = said(team)
    assert "replaces the hold that stands: held by Ada" in problem


def test_a_rejection_that_is_dropped(team: Site) -> None:
    """A rejection stays until a person chooses the image again."""
    rollback(team.settings, "iris", "prod", reason="wrong")
    lift(team.settings, "iris", "prod")
    reshape(team, rejected=())
    [problem] = said(team)
    assert "in which v2-" in problem and "was not rejected yet" in problem
    reshape(team, rejected=(ReleaseName(7, "0" * 8),))
    assert any("no longer rejects v2-" in problem for problem in said(team))


def test_a_new_release_without_requests(team: Site) -> None:
    """Slipway never declares a release without requests."""
    propose(team)
    before = overlay(team, "change")
    put(team, msgspec.structs.replace(before, route={named(team, 2).name: 100}))
    [problem] = said(team)
    assert "is new and gets no requests" in problem


def test_a_release_that_comes_back_without_a_rollback(team: Site) -> None:
    """No verb declares a former release beside newer ones."""
    old = named(team, 1)
    put(team, msgspec.structs.replace(overlay(team, "main"), releases=(named(team, 2),)), "main")
    team.git("reset", "--quiet", "--hard")
    team.verify(named(team, 2).name, environment="prod")
    after = overlay(team, "main")
    put(
        team,
        msgspec.structs.replace(after, releases=(*after.releases, old), route={old.name: 50, named(team, 2).name: 50}),
    )
    [problem] = said(team)
    assert "comes back as it once was, which only a rollback does" in problem


def test_a_revert_of_a_rollback(team: Site) -> None:
    """The revert is refused while the hold stands: it would bring back the rejected release."""
    rollback(team.settings, "iris", "prod", reason="wrong")
    team.git("switch", "--quiet", "-c", "change")
    team.git("revert", "--no-edit", "HEAD")
    problems = said(team)
    assert any("while the model is held" in problem for problem in problems)
    assert any("was not rejected yet" in problem for problem in problems)
    fixes = [violation.fix for violation in look(team).violations]
    assert "slipway lift iris --env prod, then slipway promote iris --to prod --again" in fixes


def test_a_change_that_somebody_else_made_meanwhile(team: Site) -> None:
    """A merge changes nothing any more, so there is nothing to check."""
    hold(team.settings, "iris", "prod", reason="audit")
    team.git("switch", "--quiet", "-c", "change")
    lift(team.settings, "iris", "prod")
    team.git("switch", "--quiet", "main")
    team.write("notes", "Somebody else")
    team.commit()
    lift(team.settings, "iris", "prod")
    assert look(team) == ([], [])


def test_a_hold_where_a_promotion_comes_from(team: Site) -> None:
    """The line warns of it behind the route, and no rule is broken."""
    propose(team)
    hold(team.settings, "iris", "test", reason="audit")
    found = look(team)
    assert found.violations == []
    assert "; in test it is held by Ada <ada@example.org> since" in found.lines[0] and "audit" in found.lines[0]


@pytest.mark.parametrize("to", [0, 1])
def test_a_rollback_as_verbs_write_it(team: Site, to: int) -> None:
    """The cases above begin from one that passes."""
    reshape(team, **back(team, to))
    assert said(team) == []
