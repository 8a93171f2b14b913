"""`--push` lands changes on a remote that others move at the same time, or says why it cannot."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from slipway import cli
from slipway.errors import SlipwayError
from slipway.gitops.branches import Proposed
from slipway.names import ReleaseName
from slipway.release.candidates import Wish
from slipway.release.decisions import hold, rollback
from slipway.release.promote import promote
from tests.forge_server.fixtures import NAME
from tests.forge_server.state import Token
from tests.unit.conftest import Site
from tests.unit.release.conftest import Team, pushed


def test_a_release_is_on_the_remote_and_here(team: Team) -> None:
    """The commit is on the remote's main, and the branch that was checked out has followed."""
    team.site.publish()
    done = team.site.release("iris", place=pushed(team.site))
    assert done.commit == team.bare.branch("main") == team.site.head
    assert team.site.versions() == {1: 100}


def test_another_model_was_released_meanwhile(team: Team) -> None:
    """A clone that is behind is brought up to date, and the remote has both releases."""
    other = team.clone("other")
    team.site.publish("iris")
    team.site.publish("tumor")
    team.site.release("iris", place=pushed(team.site))
    other.release("tumor", place=pushed(other))
    assert team.here().versions("iris") == other.versions("tumor") == {1: 100}


def test_a_push_after_another_one(team: Team) -> None:
    """After a refused push, each try begins from the new state of the remote and loses no commit."""
    team.site.publish()
    team.forge.repository(NAME).moving = 3
    team.site.release("iris", place=pushed(team.site))
    log = team.bare.git("log", "--format=%s", "main").splitlines()
    assert log[:4] == [log[0], *["Somebody else was faster"] * 3]
    assert team.here().versions() == {1: 100}


@pytest.mark.long(5)
@pytest.mark.parametrize(("models", "more"), [(2, 2), pytest.param(16, 4, marks=pytest.mark.long(60))])
def test_many_runs_at_once(team: Team, models: int, more: int) -> None:
    """Runs of different models, and more of one model, land from clones of their own while first pushes are refused.

    All land, each with one commit for each model, and the newest version of the one model serves.
    """
    names = [f"m{number}" for number in range(models)]
    for model in names:
        team.site.write(f"model/{model}/model.py", "")
    text = (team.site.root / "slipway.yaml").read_text()
    team.site.write("slipway.yaml", text + "".join(f"  {model}: {{train: manual}}\n" for model in names))
    team.site.commit("Many models")
    team.push(team.site)
    for model in names:
        team.site.publish(model)
    before = team.commits
    team.forge.repository(NAME).moving = 5

    def run(number: int) -> int:
        clone = team.clone(f"clone-{number}")
        model = names[number] if number < models else "iris"
        if model == "iris":
            team.site.store().publish("iris", artifact(team.site.root.parent / f"iris-{number}"), record={})
        return len(clone.release(model, place=pushed(clone)).outcomes)

    with ThreadPoolExecutor(models + more) as pool:
        assert list(pool.map(run, range(models + more))) == [1] * (models + more)
    final = team.here()
    assert [final.versions(model) for model in names] == [{1: 100}] * models
    assert final.versions("iris") == {more: 100}
    subjects = team.bare.git("log", "--format=%s", "main").splitlines()
    released = [subject for subject in subjects if "release" in subject]
    assert len(released) == len(set(released))
    assert models + 1 <= team.commits - before - 5 <= models + more


def artifact(folder: Path) -> Path:
    (folder / "code/model/iris").mkdir(parents=True)
    (folder / "artifact.json").write_text(f'{{"model": "iris", "content": "{folder.name}"}}')
    (folder / "requirements.lock").write_text("functions-framework==3.10.2\nmsgspec==0.19.0\n")
    (folder / "code/model/iris/model.py").write_text("# as trained\n")
    return folder


def test_a_branch_that_is_protected(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has GitHub's words and says whom the ruleset must let through. The local branch stays."""
    team.site.publish()
    state = team.forge.repository(NAME)
    state.rulesets = [{"id": 7, "name": "main", "rules": [{"type": "pull_request"}], "bypass_actors": []}]
    before = team.site.head
    with pytest.raises(SlipwayError, match="GH013: Repository rule violations") as caught:
        team.site.release("iris", place=pushed(team.site))
    assert "bypass list" in caught.value.fix and team.site.head == before
    team.forge.tokens["of the app"] = Token(bypass=True)
    monkeypatch.setenv("GITHUB_TOKEN", "of the app")
    assert team.site.release("iris", place=pushed(team.site)).commit == team.bare.branch("main")


@pytest.mark.parametrize("token", ["", "ghs_of_nobody"])
def test_a_token_that_may_not(team: Team, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    """The error names the missing permission and where to give it."""
    team.site.publish()
    team.forge.tokens["ghs_of_somebody"] = Token()
    for name in ("GIT_CONFIG_COUNT", "GITHUB_TOKEN"):
        monkeypatch.delenv(name)
    if token:
        monkeypatch.setenv("GITHUB_TOKEN", token)
    with pytest.raises(SlipwayError, match=r"refuses the (push|fetch)") as caught:
        team.site.release("iris", place=pushed(team.site))
    assert "contents: write" in caught.value.fix or "log in to git" in caught.value.fix
    assert not token or token not in str(caught.value)


def test_commits_that_were_not_pushed(team: Team) -> None:
    """A release of a commit that is only local is refused: it has to be pushed first."""
    team.site.publish()
    team.site.write("notes", "mine")
    team.site.commit()
    with pytest.raises(SlipwayError, match="main has commits that origin has not"):
        team.site.release("iris", place=pushed(team.site))
    team.site.git("switch", "--quiet", "-c", "deploy/mine")
    with pytest.raises(SlipwayError, match="is not on origin") as caught:
        team.site.release("iris", place=pushed(team.site))
    assert caught.value.fix == "git push origin deploy/mine"


def test_a_release_of_another_branch(team: Team) -> None:
    """The overlay lands on main, and the record names the branch and the commit of the code."""
    team.site.publish()
    team.site.git("switch", "--quiet", "-c", "deploy/mine")
    team.site.write("model/iris/model.py", "# mine\n")
    mine = team.site.commit()
    team.push(team.site)
    team.site.release("iris", place=pushed(team.site))
    assert team.site.head == mine
    [made] = team.here().overlay().releases
    assert (made.record.branch, made.record.commit) == ("deploy/mine", mine)


def test_no_remote(site: Site) -> None:
    """The error says that --push needs a remote."""
    with pytest.raises(SlipwayError, match="has no remote origin"):
        pushed(site)


def test_a_remote_that_cannot_be_reached(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some tries the error says that the remote cannot be reached. Nothing has changed here."""
    monkeypatch.setattr("slipway.git.remote._PAUSE", 0.01)
    team.site.publish()
    team.site.git("remote", "set-url", "origin", "http://127.0.0.1:9/team/models.git")
    before = team.site.head
    with pytest.raises(SlipwayError, match="cannot be reached"):
        team.site.release("iris", place=pushed(team.site))
    assert team.site.head == before


def test_a_proposal_is_a_branch_of_the_remote(team: Team) -> None:
    """A proposal is on top of main. The same proposal again changes nothing, until main has a new release."""
    team.site.released(place=pushed(team.site))
    place = Proposed(pushed(team.site), "promote/prod/iris")
    first = promote(team.site.settings, "iris", Wish(allow_unbuilt=True), to="prod", place=place).edited
    assert first.commit == team.bare.branch("promote/prod/iris") != team.bare.branch("main")
    assert team.site.store("prod").versions("iris") == []
    assert promote(team.site.settings, "iris", Wish(allow_unbuilt=True), to="prod", place=place).edited.commit is None
    team.site.released(place=pushed(team.site))
    again = promote(team.site.settings, "iris", Wish(allow_unbuilt=True), to="prod", place=place).edited
    assert again.commit == team.bare.branch("promote/prod/iris") != first.commit
    assert team.bare.git("rev-parse", "promote/prod/iris^") == team.bare.branch("main")


def test_a_hold_that_was_set_meanwhile(team: Team) -> None:
    """A run that began before the hold respects it, because it decides by the state of the remote."""
    other = team.clone("other")
    team.site.publish()
    hold(other.settings, "iris", "test", reason="audit", place=pushed(other))
    done = team.site.release("iris", place=pushed(team.site))
    assert (done.outcomes[0].result, done.commit) == ("held", None)


@pytest.mark.long(3)
def test_verbs_from_the_command_line(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """A rollback is a commit in test, and in production a pull request that says how to undo it, or an emergency."""
    for _ in range(2):
        team.site.released(place=pushed(team.site))
    for _ in range(2):
        promote(team.site.settings, "iris", Wish(allow_unbuilt=True), to="prod", place=pushed(team.site))
    at = ["-C", str(team.site.root)]
    assert cli.main([*at, "rollback", "iris", "--env", "test", "--reason", "wrong", "--push"]) == 0
    assert team.here().versions() == {1: 100}
    assert "pull request" not in capsys.readouterr().out
    assert cli.main([*at, "hold", "iris", "--env", "prod", "--reason", "audit", "--push"]) == 0
    said = capsys.readouterr().out
    [pull] = team.forge.repository(NAME).pulls
    assert f"pull request {team.forge.url}/{NAME}/pull/1" in said
    assert (pull["head"], pull["title"]) == ("hold/prod/iris", "prod/iris: hold")
    assert "audit" in pull["body"] and "slipway lift iris --env prod" in pull["body"]
    assert team.here().overlay(environment="prod").hold is None
    assert cli.main([*at, "hold", "iris", "--env", "prod", "--reason", "audit", "--push", "--emergency"]) == 0
    assert team.here().overlay(environment="prod").hold is not None


def test_another_clone_knows_nothing_of_promotions(team: Team, capsys: pytest.CaptureFixture[str]) -> None:
    """The settings of main decide whether a change takes a pull request, not those of the clone."""
    team.site.released(place=pushed(team.site))
    promote(team.site.settings, "iris", Wish(allow_unbuilt=True), to="prod", place=pushed(team.site))
    other, before = team.clone("other"), team.bare.branch("main")
    other.set(", promotes_from: test", "")
    asked = ["-C", str(other.root), "hold", "iris", "--env", "prod", "--reason", "audit", "--push"]
    assert cli.main(asked) == 0, capsys.readouterr().err
    assert [pull["head"] for pull in team.forge.repository(NAME).pulls] == ["hold/prod/iris"]
    assert team.bare.branch("main") == before


def test_no_branch_releases_where_promotions_go(team: Team) -> None:
    """The settings of a branch cannot release to an environment that takes promotions on main."""
    team.site.publish()
    other, before = team.clone("other"), team.bare.branch("main")
    other.git("checkout", "--quiet", "-b", "deploy/own")
    other.set(", promotes_from: test", "")
    team.push(other)
    with pytest.raises(SlipwayError, match="prod takes only what test has verified"):
        other.release("iris", environment="prod", place=pushed(other))
    assert team.bare.branch("main") == before


@pytest.mark.long(2)
def test_a_rollback_races_with_a_release(team: Team) -> None:
    """The second of the two decides by the result of the first, so the model is held in either order."""
    for _ in range(2):
        team.site.released(place=pushed(team.site))
    team.site.publish()
    clones = [team.clone("one"), team.clone("two")]
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(lambda: clones[0].release("iris", place=pushed(clones[0])))
        second = pool.submit(
            lambda: rollback(clones[1].settings, "iris", "test", reason="wrong", to="1", place=pushed(clones[1]))
        )
        first.result(), second.result()
    final = team.here().overlay()
    assert final.hold is not None and {name.version for name in final.route} == {1}
    assert ReleaseName(2, final.releases[0].name.short).version in {name.version for name in final.rejected}
