"""`slipway promote --due --push`: open pull requests are brought up to date, and what is due is proposed by itself."""

from typing import Any

import pytest

from slipway import cli
from slipway.release.routes import hold, lift, rollback
from tests.forge_server.fixtures import NAME
from tests.unit.release.conftest import Team, pushed

BRANCH = "promote/prod/iris"


@pytest.fixture
def automatic(team: Team) -> Team:
    """Promotions open by themselves."""
    team.site.set("promotes_from: test", "promotes_from: test, promotion: automatic")
    team.push(team.site)
    return team


def due(of: Team) -> int:
    return cli.main(["-C", str(of.site.root), "promote", "--due", "--push"])


def promote(of: Team, *words: str) -> int:
    return cli.main(["-C", str(of.site.root), "promote", "iris", "--push", "--allow-unbuilt", *words])


def verb(of: Team, *words: str) -> int:
    return cli.main(["-C", str(of.site.root), *words])


def pulls(of: Team) -> list[dict[str, Any]]:
    return of.forge.repository(NAME).pulls


def body(of: Team) -> str:
    [pull] = [each for each in pulls(of) if each["state"] == "open"]
    return str(pull["body"])


@pytest.fixture(autouse=True)
def argued(monkeypatch: pytest.MonkeyPatch) -> None:
    """The artifacts of these tests are none that a model could be made of: what a body says of them is not asked."""
    from slipway.review import promotion_body as bodies

    def short(_settings: object, done: Any) -> str:
        return bodies.marker(done.edited.after, done.source)

    monkeypatch.setattr(bodies, "body", short)


@pytest.fixture(autouse=True)
def built(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images count as built, though nothing is built here."""
    monkeypatch.setattr("slipway.release.candidates.is_unbuilt", lambda _: False)


def test_what_is_due_is_proposed_once(automatic: Team) -> None:
    """A verified release opens a pull request; doing it again changes nothing; a newer one takes its place."""
    automatic.site.released(place=pushed(automatic.site))
    assert due(automatic) == 0
    first = automatic.bare.branch(BRANCH)
    assert due(automatic) == 0 and automatic.bare.branch(BRANCH) == first
    automatic.site.released(place=pushed(automatic.site))
    assert due(automatic) == 0
    assert len(pulls(automatic)) == 1 and "prod/iris v2-" in body(automatic)


def test_what_a_person_proposed_stays(automatic: Team) -> None:
    """A share and an older release that somebody chose are kept, and only brought up to date."""
    for _ in range(2):
        automatic.site.released(place=pushed(automatic.site))
    assert promote(automatic, "--release", "1") == 0
    automatic.site.released(place=pushed(automatic.site))
    assert due(automatic) == 0
    assert "prod/iris v1-" in body(automatic)
    assert automatic.bare.git("rev-parse", f"{BRANCH}^") == automatic.bare.branch("main")


def test_why_callers_may_break_is_in_the_record(automatic: Team) -> None:
    """As the person wrote it, who asked for it; it is no proposal by itself."""
    automatic.site.released(place=pushed(automatic.site))
    assert promote(automatic, "--accept-breaking", "all callers were told") == 0
    assert "accepted: all callers were told" in automatic.bare.git("grep", "accepted:", BRANCH)
    assert "Proposed by itself" not in automatic.bare.git("log", "-1", "--format=%B", BRANCH)


def test_closed_is_closed(automatic: Team) -> None:
    """A release whose pull request was closed is not proposed by itself again, even without its branch."""
    automatic.site.released(place=pushed(automatic.site))
    assert due(automatic) == 0
    pulls(automatic)[0]["state"] = "closed"
    automatic.bare.git("update-ref", "-d", f"refs/heads/{BRANCH}")
    assert due(automatic) == 0 and len(pulls(automatic)) == 1
    automatic.site.released(place=pushed(automatic.site))
    assert due(automatic) == 0 and len(pulls(automatic)) == 2


def test_what_was_merged_and_taken_back(automatic: Team) -> None:
    """A promotion that somebody reverted is not proposed by itself again, until a newer release is due."""
    automatic.site.released(place=pushed(automatic.site))
    assert due(automatic) == 0
    merged = automatic.bare.merge("main", automatic.bare.branch(BRANCH), "Merge")
    pulls(automatic)[0] |= {"state": "closed", "merged_at": "2026-11-22T10:00:00Z"}
    assert merged is not None
    automatic.site.git("pull", "--quiet", "--ff-only", "origin", "main")
    automatic.site.git("revert", "--no-edit", "-m", "1", merged)
    automatic.push(automatic.site)
    assert due(automatic) == 0 and len(pulls(automatic)) == 1
    automatic.site.released(place=pushed(automatic.site))
    assert due(automatic) == 0 and len(pulls(automatic)) == 2


def test_a_hold_where_it_comes_from(automatic: Team) -> None:
    """Stops what nobody asked for, also what is open; a person may name the release all the same, and is told."""
    name = automatic.site.released(place=pushed(automatic.site))
    assert due(automatic) == 0
    hold(automatic.site.settings, "iris", "test", reason="audit", place=pushed(automatic.site))
    assert due(automatic) == 1
    assert "audit" in automatic.forge.repository(NAME).comments[0]["body"]
    assert promote(automatic) == 1
    assert promote(automatic, "--release", str(name)) == 0


def test_code_that_was_never_merged(automatic: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """Its release is verified in test, and only a person proposes it for production."""
    site = automatic.site
    site.git("checkout", "--quiet", "-b", "deploy/x")
    site.write("model/iris/more.py", "")
    site.commit("Never merged")
    site.git("push", "--quiet", "origin", "deploy/x")
    site.released(place=pushed(site))
    assert due(automatic) == 0 and pulls(automatic) == []
    assert "was built from deploy/x, which is not merged into main" in capsys.readouterr().out
    assert promote(automatic) == 0 and len(pulls(automatic)) == 1


def test_what_an_emergency_overtook_is_closed(team: Team) -> None:
    """A pull request that would change nothing any more; one that still does stays."""
    for _ in range(2):
        team.site.released(place=pushed(team.site))
        assert promote(team, "--emergency") == 0
    words = ("iris", "--env", "prod", "--push")
    hold(team.site.settings, "iris", "prod", reason="audit", place=pushed(team.site))
    assert verb(team, "lift", *words) == 0 and verb(team, "traffic", *words, "v1=50", "v2=50") == 0
    assert due(team) == 0 and [each["state"] for each in pulls(team)] == ["open", "open"]
    assert verb(team, "lift", *words, "--emergency") == 0
    assert due(team) == 0 and [each["state"] for each in pulls(team)] == ["closed", "open"]
    assert "changes nothing any more" in team.forge.repository(NAME).comments[0]["body"]


def test_approvals_are_not_lost_to_a_refresh(team: Team) -> None:
    """When only main has moved, the proposal is on top of it, and its files are the same to the byte."""
    team.site.released(place=pushed(team.site))
    assert promote(team) == 0
    first = team.bare.branch(BRANCH)
    team.site.released("tumor", place=pushed(team.site))
    assert due(team) == 0
    second = team.bare.branch(BRANCH)
    assert second != first
    assert team.bare.git("diff", "--stat", first, second, "--", "overlays/prod") == ""


def test_a_promotion_that_cannot_be_any_more(team: Team) -> None:
    """The reason is said below its pull request, and taken back when it is gone."""
    team.site.released(place=pushed(team.site))
    assert promote(team) == 0
    hold(team.site.settings, "iris", "prod", reason="audit", place=pushed(team.site))
    assert due(team) == 1
    [comment] = team.forge.repository(NAME).comments
    assert "cannot be merged as it stands" in comment["body"] and "audit" in comment["body"]
    lift(team.site.settings, "iris", "prod", place=pushed(team.site))
    assert due(team) == 0
    assert "up to date again" in team.forge.repository(NAME).comments[0]["body"]


def test_what_is_promoted_again_stays_so(team: Team) -> None:
    """A rejection that somebody overruled is not held against the pull request when it is brought up to date."""
    for _ in range(2):
        name = team.site.released(place=pushed(team.site))
        assert promote(team, "--emergency") == 0
    rollback(team.site.settings, "iris", "prod", reason="wrong", to="1", place=pushed(team.site))
    lift(team.site.settings, "iris", "prod", place=pushed(team.site))
    assert promote(team, "--again", "--release", str(name)) == 0
    team.site.released("tumor", place=pushed(team.site))
    assert due(team) == 0
    assert f"prod/iris {name}" in body(team)


def test_a_conversation_that_is_locked(automatic: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing can be said there, and the other models go on."""
    automatic.site.released(place=pushed(automatic.site))
    assert due(automatic) == 0
    hold(automatic.site.settings, "iris", "prod", reason="audit", place=pushed(automatic.site))
    automatic.site.released("tumor", place=pushed(automatic.site))
    automatic.forge.fail(403, times=9, path="comments", message="Unable to create comment because issue is locked.")
    assert due(automatic) == 1
    assert "issue is locked" in capsys.readouterr().out
    assert [each["head"] for each in pulls(automatic)] == [BRANCH, "promote/prod/tumor"]


def test_a_pull_request_that_cannot_be_looked_for(automatic: Team) -> None:
    """Stops its model alone."""
    automatic.site.released("iris", place=pushed(automatic.site))
    assert due(automatic) == 0
    automatic.site.released("tumor", place=pushed(automatic.site))
    automatic.forge.fail(403, path="/pulls", method="GET")
    assert due(automatic) == 1
    assert [each["head"] for each in pulls(automatic)] == [BRANCH, "promote/prod/tumor"]


def test_what_was_overtaken_is_closed_all_the_same(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing can be said below it."""
    words = ("iris", "--env", "prod", "--push")
    hold(team.site.settings, "iris", "prod", reason="audit", place=pushed(team.site))
    assert verb(team, "lift", *words) == 0
    # Main moves, so that the second commit is never the first one made again, which would merge the pull request.
    hold(team.site.settings, "iris", "test", reason="audit", place=pushed(team.site))
    assert verb(team, "lift", *words, "--emergency") == 0
    team.forge.fail(403, times=9, path="comments", message="Unable to create comment because issue is locked.")
    assert due(team) == 0
    assert pulls(team)[0]["state"] == "closed" and "issue is locked" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--to", "nope"], "unknown environment 'nope'"),
        (["--to", "test"], "test takes releases, not promotions"),
        (["irsi"], "unknown model 'irsi'"),
        (["--release", "1", "--traffic", "0"], "it takes no --release, --traffic"),
        (["--branch", "x", "--again"], "it takes no --branch, --again"),
        (["--allow-unbuilt", "--accept-breaking", "why"], "it takes no --allow-unbuilt, --accept-breaking"),
    ],
)
def test_what_is_not_about_all(team: Team, capsys: pytest.CaptureFixture[str], words: list[str], says: str) -> None:
    """Is refused, and so is what is not there."""
    assert verb(team, "promote", "--due", "--push", *words) == 1
    assert says in capsys.readouterr().err


def test_an_emergency_is_for_maintainers(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither who started the run nor who started it again may be anybody else."""
    team.site.released(place=pushed(team.site))
    team.forge.repository(NAME).roles = {"boss": "maintain", "junior": "write"}
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_ACTOR", "boss")
    monkeypatch.setenv("GITHUB_TRIGGERING_ACTOR", "junior")
    assert promote(team, "--emergency") == 1
    monkeypatch.setenv("GITHUB_TRIGGERING_ACTOR", "boss")
    assert promote(team, "--emergency") == 0
    assert team.here().versions(environment="prod") == {1: 100}
