"""`slipway check` accepts the changes of verbs on the base branch as it is now, and none from a fork."""

import shutil
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from slipway.git import Repository
from slipway.gitops.branches import Here, Proposed
from slipway.names import ReleaseName
from slipway.release.candidates import Wish
from slipway.release.decisions import hold, lift, rollback, traffic
from slipway.release.promote import promote
from slipway.review.check import Checked, check
from tests.unit.conftest import Site
from tests.unit.review.conftest import FOLDER, commit, look, overlay, propose, put, said


@pytest.mark.parametrize("share", [100, 10])
def test_a_promotion_is_accepted(team: Site, share: int) -> None:
    """A promotion by `slipway promote` breaks no rule, and the line shows the route before and after."""
    propose(team, traffic=share)
    done = look(team)
    assert done.violations == []
    [line] = done.lines
    assert line.startswith("prod/iris: v2-") and "100 % → v3-" in line


VERBS: dict[str, Callable[[Site], Any]] = {
    "rollback": lambda team: rollback(team.settings, "iris", "prod", reason="wrong"),
    "traffic": lambda team: traffic(team.settings, "iris", "prod", {"v1": 40, "v2": 60}),
    "hold": lambda team: hold(team.settings, "iris", "prod", reason="a look"),
    "release": lambda team: (team.publish(), team.release("iris")),
    "git revert": lambda team: team.git("revert", "--no-edit", team.git("log", "-1", "--format=%H", "--", FOLDER)),
}


@pytest.mark.parametrize("verb", VERBS)
def test_the_change_of_a_verb_is_accepted(team: Site, verb: str) -> None:
    """Each verb's change is accepted."""
    team.git("switch", "--quiet", "-c", "change")
    VERBS[verb](team)
    done = look(team)
    assert done.lines and done.violations == []


@pytest.mark.parametrize("verb", ["lift", "rollback", "traffic"])
def test_decisions_of_a_person_under_a_hold(team: Site, verb: str) -> None:
    """A hold does not stop a rollback, a new share of traffic, or its own lifting."""
    hold(team.settings, "iris", "prod", reason="a look")
    team.git("switch", "--quiet", "-c", "change")
    lift(team.settings, "iris", "prod") if verb == "lift" else VERBS[verb](team)
    assert said(team) == []


def test_a_rollback_to_a_release_that_was_dropped(team: Site) -> None:
    """A release that retention dropped comes back from the history as it was."""
    team.set("iris: {train: manual}", "iris: {train: manual, retention: 1}")
    promote(team.settings, "iris", Wish(allow_unbuilt=True), to="prod")
    team.verify(next(iter(team.overlay(environment="prod").route)), environment="prod")
    team.drop(environment="prod")
    assert [release.version for release in overlay(team, "main").releases] == [3]
    team.git("switch", "--quiet", "-c", "change")
    rollback(team.settings, "iris", "prod", reason="wrong", to="v1")
    assert said(team) == []


def test_a_retention_that_drops(team: Site) -> None:
    """A change that drops only what retention drops is accepted."""
    team.set("iris: {train: manual}", "iris: {train: manual, retention: 1}")
    team.verify(overlay(team, "main").releases[0].name, environment="prod")
    team.git("switch", "--quiet", "-c", "change")
    team.drop(environment="prod")
    assert len(overlay(team, "change").releases) == 1
    assert said(team) == []


def test_a_drop_beside_a_promotion(team: Site) -> None:
    """A change that also drops a release is refused: a rollback would have to wait for that release."""
    team.set("iris: {train: manual}", "iris: {train: manual, retention: 2}")
    propose(team)
    proposed = overlay(team, "change")
    put(team, msgspec.structs.replace(proposed, releases=proposed.releases[:2]))
    [problem] = said(team)
    assert "drops v1-" in problem and "a rollback would have to wait" in problem


def test_a_rejected_release_that_is_chosen_again(team: Site) -> None:
    """A promotion `--again` removes the rejection and is accepted."""
    rollback(team.settings, "iris", "prod", reason="wrong")
    lift(team.settings, "iris", "prod")
    propose(team, release="v2", again=True)
    assert said(team) == []


def test_the_first_promotion(team: Site) -> None:
    """The rules hold for a new overlay too, and the revert that removes it is accepted."""
    team.released("tumor")
    place = Proposed(Here(Repository(team.root)), "change")
    promote(team.settings, "tumor", Wish(allow_unbuilt=True), to="prod", place=place)
    done = look(team)
    assert done.violations == []
    assert len(done.lines) == 1 and done.lines[0].startswith("prod/tumor: ")
    team.git("merge", "--quiet", "--no-ff", "--no-edit", "change")
    team.git("switch", "--quiet", "-c", "back")
    team.git("rm", "-rq", "overlays/prod/tumor")
    team.commit()
    assert check(team.settings, base="main", head="back").violations == []


def test_a_change_of_no_overlay_asks_no_store(team: Site) -> None:
    """A change of code can be checked without credentials."""
    team.git("switch", "--quiet", "-c", "change")
    team.write("model/iris/model.py", "# anew\n")
    team.commit()
    shutil.rmtree(team.root / ".slipway")
    assert look(team, fork="mallory/models") == Checked([], [])


def test_a_promotion_after_its_artifact_was_copied(team: Site) -> None:
    """The promotion keeps its number after its artifact was copied to production's store."""
    propose(team)
    source = team.store()
    team.store("prod").copy(source.record("iris", 3), 3, source=source)
    assert said(team) == []


def test_a_hold_that_was_set_meanwhile(team: Site) -> None:
    """The base branch as it is now counts: a promotion stops at a newer hold."""
    propose(team)
    hold(team.settings, "iris", "prod", reason="an incident")
    [problem] = said(team)
    assert "comes while the model is held by Ada" in problem and "an incident" in problem


def test_a_rollback_meanwhile(team: Site) -> None:
    """The promotion conflicts, and both the files and the hold are named."""
    propose(team)
    rollback(team.settings, "iris", "prod", reason="wrong")
    problems = said(team)
    assert "route.yaml: was changed on the base branch since this change left it" in problems
    assert any("the model is held by Ada" in problem for problem in problems)


def test_a_promotion_meanwhile(team: Site) -> None:
    """A promotion that another one has overtaken must be made anew."""
    propose(team)
    team.released()
    promote(team.settings, "iris", Wish(allow_unbuilt=True), to="prod")
    assert "kustomization.yaml: was changed on the base branch since this change left it" in said(team)


def test_a_number_that_was_taken_meanwhile(team: Site) -> None:
    """A version that was published in production's store takes the promotion's number."""
    propose(team)
    team.publish(environment="prod")
    [problem] = said(team)
    assert "the number 3 is taken in prod: the next is 4" in problem


def test_an_image_that_was_rejected_meanwhile(team: Site) -> None:
    """The rejection stays after the hold was lifted."""
    propose(team)
    short = overlay(team, "change").releases[0].name.short
    after = overlay(team, "main")
    put(team, msgspec.structs.replace(after, rejected=(ReleaseName(1, short),)), "main")
    [problem] = said(team)
    assert f"is the image of v1-{short}, which prod has rejected" in problem


@pytest.mark.parametrize("path", ["test/iris/state.yaml", "test/iris/training/workflow.yaml", "test/new/state.yaml"])
def test_a_fork_changes_no_environment(team: Site, path: str) -> None:
    """A change from a fork is refused in every environment."""
    commit(team, {f"overlays/{path}": b"a: 1\n"})
    [violation] = look(team, fork="mallory/models").violations
    assert "comes from the fork 'mallory/models'" in violation.problem
    assert violation.fix.startswith("slipway release --env test")


def test_a_fork_is_told_who_may_push(team: Site) -> None:
    """The fix names the owners, who may push here."""
    team.write(".github/CODEOWNERS", "overlays/prod/ @team/platform\n")
    team.commit()
    propose(team)
    [violation] = look(team, fork="mallory/models").violations
    assert "comes from the fork 'mallory/models'" in violation.problem
    assert "@team/platform" in violation.fix
