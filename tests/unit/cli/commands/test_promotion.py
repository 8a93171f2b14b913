"""`slipway promote --due --push`: open pull requests are brought up to date, and due releases are proposed."""

from collections.abc import Callable
from typing import Any

import pytest

from slipway import cli
from slipway.git import Repository
from slipway.github import api
from slipway.release.decisions import hold, lift, rollback
from tests.forge_server.fixtures import NAME
from tests.unit.release.conftest import Team, pushed

BRANCH = "promote/prod/iris"


LONG = pytest.mark.long(10)


@pytest.fixture
def automatic(team: Team) -> Team:
    """Set the promotion to automatic."""
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
def argued(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Replace the body by its first line: no model can be made of the artifacts of these tests. Return its models."""
    from slipway.review import argued, promotion_body

    def short(done: Any, _compared: Any) -> str:
        calls.append(done.edited.after.model)
        return argued.stamped(promotion_body.marker(done.edited.after, done.source), argued.inputs(done))

    calls: list[str] = []
    monkeypatch.setattr(argued, "argue", short)
    return calls


@pytest.fixture(autouse=True)
def built(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take images for built, though nothing is built here."""
    monkeypatch.setattr("slipway.release.candidates.is_unbuilt", lambda _: False)


def test_a_due_release_is_proposed_once(automatic: Team) -> None:
    """A verified release opens a pull request; a second run changes nothing; a newer release takes its place."""
    automatic.site.released(place=pushed(automatic.site))
    assert due(automatic) == 0
    first = automatic.bare.branch(BRANCH)
    assert due(automatic) == 0 and automatic.bare.branch(BRANCH) == first
    automatic.site.released(place=pushed(automatic.site))
    assert due(automatic) == 0
    assert len(pulls(automatic)) == 1 and "prod/iris v2-" in body(automatic)


@pytest.mark.parametrize(
    ("how", "follows"), [("update", True), *(pytest.param(how, False, marks=LONG) for how in ("commit", "resolve"))]
)
def test_a_branch_that_somebody_updated(automatic: Team, how: str, follows: bool) -> None:
    """After GitHub's "Update branch" a newer release still follows, but a person's own change stays."""
    automatic.site.released(place=pushed(automatic.site))
    assert due(automatic) == 0
    hold(automatic.site.settings, "tumor", "test", reason="audit", place=pushed(automatic.site))
    person = automatic.clone("person")
    person.git("switch", "--quiet", BRANCH)
    if how != "commit":
        person.git("merge", "--quiet", "--no-commit", "--no-ff", "origin/main")
    if how != "update":
        record = next(person.root.glob("overlays/prod/iris/v1-*/record.yaml"))
        record.write_text(record.read_text().replace("by: ", "by: somebody "))
    person.git("commit", "--quiet", "-am", "Merge branch 'main'")
    automatic.push(person)
    automatic.site.released(place=pushed(automatic.site))
    assert due(automatic) == 0
    assert ("prod/iris v2-" in body(automatic)) is follows


@pytest.mark.long(3)
def test_the_choice_of_a_person_stays(automatic: Team) -> None:
    """The release and the share that a person chose are kept, and brought up to date."""
    for _ in range(2):
        automatic.site.released(place=pushed(automatic.site))
    assert promote(automatic, "--release", "1") == 0
    automatic.site.released(place=pushed(automatic.site))
    assert due(automatic) == 0
    assert "prod/iris v1-" in body(automatic)


def test_the_record_says_why_callers_may_break(automatic: Team) -> None:
    """The record has the words of the person, and the commit does not count as automatic."""
    automatic.site.released(place=pushed(automatic.site))
    assert promote(automatic, "--accept-breaking", "all callers were told") == 0
    assert "accepted: all callers were told" in automatic.bare.git("grep", "accepted:", BRANCH)
    assert "Proposed by itself" not in automatic.bare.git("log", "-1", "--format=%B", BRANCH)


@pytest.mark.long(2)
def test_a_closed_pull_request_stays_closed(automatic: Team) -> None:
    """A release whose pull request was closed is not proposed again, even after its branch is deleted."""
    automatic.site.released(place=pushed(automatic.site))
    assert due(automatic) == 0
    pulls(automatic)[0]["state"] = "closed"
    automatic.bare.git("update-ref", "-d", f"refs/heads/{BRANCH}")
    assert due(automatic) == 0 and len(pulls(automatic)) == 1
    automatic.site.released(place=pushed(automatic.site))
    assert due(automatic) == 0 and len(pulls(automatic)) == 2


@pytest.mark.long(2)
def test_a_reverted_promotion_is_not_proposed_again(automatic: Team) -> None:
    """Only a newer release is proposed."""
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


@pytest.mark.long(2)
def test_a_hold_in_test_stops_automatic_promotions(automatic: Team) -> None:
    """An open pull request gets a comment. A person may still promote a release by its name."""
    name = automatic.site.released(place=pushed(automatic.site))
    assert due(automatic) == 0
    hold(automatic.site.settings, "iris", "test", reason="audit", place=pushed(automatic.site))
    assert due(automatic) == 0  # nobody has to mend anything
    assert "audit" in automatic.forge.repository(NAME).comments[0]["body"]
    assert promote(automatic) == 1
    assert promote(automatic, "--release", str(name)) == 0


def test_only_a_person_proposes_unmerged_code(automatic: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """A verified release of a branch is not proposed by itself."""
    site = automatic.site
    site.git("checkout", "--quiet", "-b", "deploy/x")
    site.write("model/iris/more.py", "")
    site.commit("Never merged")
    site.git("push", "--quiet", "origin", "deploy/x")
    site.released(place=pushed(site))
    assert due(automatic) == 0 and pulls(automatic) == []
    assert "was built from deploy/x, which is not merged into main" in capsys.readouterr().out
    assert promote(automatic) == 0 and len(pulls(automatic)) == 1


@pytest.mark.long(3)
def test_a_pull_request_without_a_difference_is_closed(team: Team) -> None:
    """An emergency commit has made the same change. Another pull request, with a difference, stays open."""
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


def test_a_promotion_is_argued_once(team: Team, argued: list[str]) -> None:
    """While only other models change, its branch and its body stay, and the check still judges the merge."""
    team.site.released(place=pushed(team.site))
    assert promote(team) == 0
    first = team.bare.branch(BRANCH)
    team.site.released("tumor", place=pushed(team.site))
    assert due(team) == 0
    assert argued == ["iris"] and team.bare.branch(BRANCH) == first
    person = team.clone("person")
    words = ("check", "--base", "refs/remotes/origin/main", "--head", f"refs/remotes/origin/{BRANCH}")
    assert cli.main(["-C", str(person.root), *words]) == 0


@pytest.mark.long(20)
def test_what_a_promotion_is_argued_by(team: Team, argued: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is argued anew, and once, when any of it has changed, or cannot be proven to be the same."""
    team.site.released(place=pushed(team.site))
    assert promote(team) == 0
    [pull], first = pulls(team), team.bare.branch(BRANCH)

    def settings() -> None:
        team.site.git("pull", "--quiet", "origin", "main")
        team.site.set("iris: {train: manual}", "iris: {train: manual, gates: {accuracy: {min: 0.5}}}")
        team.push(team.site)

    def branch() -> None:
        person = team.clone("person")
        person.git("switch", "--quiet", BRANCH)
        record = next(person.root.glob("overlays/prod/iris/v1-*/record.yaml"))
        record.write_text(record.read_text() + "size: 17\n")
        person.git("commit", "--quiet", "-am", "Somebody's")
        team.push(person)

    changes: list[Callable[[], object]] = [
        lambda: pull.update(body=pull["body"].replace("promotion prod", "promotion of prod")),
        lambda: pull.update(title="Approve this"),
        lambda: hold(team.site.settings, "iris", "test", reason="audit", place=pushed(team.site)),
        settings,
        lambda: monkeypatch.setattr("slipway.review.argued._tool", lambda: ["another"]),
        branch,
    ]
    for number, change in enumerate(changes, 1):
        assert team.bare.branch(BRANCH) == first, "a branch whose files stay the same stays"
        change()
        assert due(team) == 0 and len(argued) == number + 1, number
        assert due(team) == 0 and len(argued) == number + 1, number
    assert "size: 17" not in team.bare.git("grep", "size", BRANCH)


@pytest.mark.long(5)
def test_a_stale_check_is_no_check(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """A pull request of anybody is checked anew when its overlay has changed on main, and stays else."""
    team.site.released(place=pushed(team.site))
    assert promote(team, "--emergency") == 0
    person = team.clone("person")
    person.git("switch", "--quiet", "-c", "mine")
    person.write("overlays/prod/iris/README.md", "Mine")
    person.commit()
    team.push(person)
    hub = api.connect(Repository(person.root))
    hub.propose("mine", "main", "Mine", "")
    person.git("switch", "--quiet", "-c", "other", "origin/main")
    person.write("notes", "Nothing of overlays")
    other = person.commit()
    team.push(person)
    hub.propose("other", "main", "Other", "")
    person.git("switch", "--quiet", "mine")
    team.site.released("tumor", place=pushed(team.site))
    assert due(team) == 0 and team.bare.branch("mine") == person.head
    hold(team.site.settings, "iris", "prod", reason="audit", place=pushed(team.site))
    team.forge.fail(403, path="update-branch", message="Resource not accessible by integration")
    assert due(team) == 1 and "may be merged by a check of overlays/prod/iris as it was" in capsys.readouterr().out
    assert due(team) == 0 and team.bare.holds(team.bare.branch("mine"), team.bare.branch("main"))
    head = team.bare.branch("mine")
    assert due(team) == 0 and team.bare.branch("mine") == head
    assert team.bare.branch("other") == other


@pytest.mark.long(2)
def test_a_pull_request_tells_why_it_cannot_be_merged(team: Team) -> None:
    """A comment has the reason; it is changed when the reason is gone."""
    team.site.released(place=pushed(team.site))
    assert promote(team) == 0
    hold(team.site.settings, "iris", "prod", reason="audit", place=pushed(team.site))
    assert due(team) == 0
    [comment] = team.forge.repository(NAME).comments
    assert "cannot be merged as it stands" in comment["body"] and "audit" in comment["body"]
    lift(team.site.settings, "iris", "prod", place=pushed(team.site))
    assert due(team) == 0
    assert "up to date again" in team.forge.repository(NAME).comments[0]["body"]
    store = team.site.root.parent / "store"
    store.rename(store.with_name("away"))
    assert due(team) == 1 and "is not verified" in team.forge.repository(NAME).comments[0]["body"]
    store.with_name("away").rename(store)
    # Nothing is to be asked then, and no other job of the workflow runs.
    assert verb(team, "promote", "--due", "--push", "--questions", str(team.site.root.parent / "asked")) == 0
    assert "up to date again" in team.forge.repository(NAME).comments[0]["body"]


@pytest.mark.long(3)
def test_an_update_keeps_again(team: Team) -> None:
    """A rejection that a person overruled does not stop the update of the pull request."""
    for _ in range(2):
        name = team.site.released(place=pushed(team.site))
        assert promote(team, "--emergency") == 0
    rollback(team.site.settings, "iris", "prod", reason="wrong", to="1", place=pushed(team.site))
    lift(team.site.settings, "iris", "prod", place=pushed(team.site))
    assert promote(team, "--again", "--release", str(name)) == 0
    team.site.released("tumor", place=pushed(team.site))
    assert due(team) == 0
    assert f"prod/iris {name}" in body(team)


@pytest.mark.long(2)
def test_a_locked_conversation_stops_no_other_model(automatic: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """The run prints that GitHub takes no comment."""
    automatic.site.released(place=pushed(automatic.site))
    assert due(automatic) == 0
    hold(automatic.site.settings, "iris", "prod", reason="audit", place=pushed(automatic.site))
    automatic.site.released("tumor", place=pushed(automatic.site))
    automatic.forge.fail(403, times=9, path="comments", message="Unable to create comment because issue is locked.")
    assert due(automatic) == 0
    assert "issue is locked" in capsys.readouterr().out
    assert [each["head"] for each in pulls(automatic)] == [BRANCH, "promote/prod/tumor"]


@pytest.mark.long(3)
def test_a_failed_search_for_a_pull_request_stops_its_model_only(automatic: Team) -> None:
    """The other model is proposed."""
    automatic.site.released("iris", place=pushed(automatic.site))
    assert due(automatic) == 0
    automatic.site.released("tumor", place=pushed(automatic.site))
    automatic.forge.fail(403, path="/pulls", method="GET")
    assert due(automatic) == 1
    assert [each["head"] for each in pulls(automatic)] == [BRANCH, "promote/prod/tumor"]


def test_a_locked_pull_request_without_a_difference_is_closed(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """The comment fails, and the pull request is closed."""
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
def test_due_refuses_options_of_one_promotion(
    team: Team, capsys: pytest.CaptureFixture[str], words: list[str], says: str
) -> None:
    """It refuses unknown environments and models as well."""
    assert verb(team, "promote", "--due", "--push", *words) == 1
    assert says in capsys.readouterr().err


def test_an_emergency_is_for_maintainers(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both the person who started the run and the one who started it again have to be maintainers."""
    team.site.released(place=pushed(team.site))
    team.forge.repository(NAME).roles = {"boss": "maintain", "junior": "write"}
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_ACTOR", "boss")
    monkeypatch.setenv("GITHUB_TRIGGERING_ACTOR", "junior")
    assert promote(team, "--emergency") == 1
    monkeypatch.setenv("GITHUB_TRIGGERING_ACTOR", "boss")
    assert promote(team, "--emergency") == 0
    assert team.here().versions(environment="prod") == {1: 100}
