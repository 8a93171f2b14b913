"""A day with a model, from a branch to production and back, by the workflows of GitHub alone."""

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slipway import settings as settings_file
from slipway.git import Repository
from slipway.release import edits
from slipway.release.overlay_types import Overlay
from slipway.store import store_of
from tests.cluster.actions import ROOT, RUNNER, Actions, Run
from tests.forge_server.server import Forge, started
from tests.forge_server.state import Token

NAME = "team/models"
ADA = "ghp_of_ada"
MODEL = '''
from slipway.model import Model


class Coin(Model):
    """Says the same whatever it is asked."""

    source_features = ["number"]
    target_variable = "side"

    def train(self, data):
        self.side = "heads"

    def predict(self, rows):
        return [self.side for row in rows]
'''
TEST = """
from model.coin.model import Coin


def test_it_says_what_it_learned():
    coin = Coin()
    coin.train(None)
    assert coin.predict([{"number": 1}]) in (["heads"], ["tails"])
"""


class Team:
    """People and their repository on GitHub."""

    def __init__(self, forge: Forge, folder: Path, environment: dict[str, str]) -> None:
        self.forge, self.state, self.bare = forge, forge.repository(NAME), forge.bare(NAME)
        self.root = folder / "clone"
        _git(folder, "clone", "--quiet", str(ROOT), str(self.root))
        self.git("checkout", "--quiet", "-B", "main")
        self.git("remote", "set-url", "origin", forge.clone_url(NAME, ADA))
        self.git("config", "user.name", "Ada")
        self.git("config", "user.email", "ada@example.org")
        forge.tokens[ADA] = Token(login="ada", type="User", bypass=True)
        self.state.roles["ada"] = "write"
        self._found(environment["SLIPWAY_TEST_REGISTRY"])
        self.actions = Actions(forge, NAME, folder / "runs", environment)

    def _found(self, registry: str) -> None:
        for folder in ("iris", "tumor"):
            self.git("rm", "-r", "--quiet", f"model/{folder}")
        (self.root / "slipway.yaml").write_text(
            "environments:\n"
            f"  test: {{store: gs://models/test, namespace: models-test, registry: {registry}}}\n"
            "  prod: {store: gs://models/prod, namespace: models-prod, promotes_from: test,"
            f" registry: {registry}}}\n"
        )
        self.commit("Make the repository ours")
        self.push("main")

    def git(self, *words: str) -> str:
        return _git(self.root, *words)

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", message)

    def push(self, branch: str) -> None:
        self.git("push", "--quiet", "origin", f"HEAD:refs/heads/{branch}")

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def up_to_date(self) -> None:
        self.git("checkout", "--quiet", "main")
        self.git("pull", "--quiet", "--ff-only", "origin", "main")

    def propose(self, branch: str, title: str) -> dict[str, Any]:
        self.push(branch)
        return self.api("POST", "pulls", {"title": title, "head": branch, "base": "main", "body": ""})

    def merge(self, number: int) -> None:
        self.api("PUT", f"pulls/{number}/merge", {})
        self.up_to_date()

    def api(self, method: str, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            f"{self.forge.url}/repos/{NAME}/{path}",
            json.dumps(body).encode(),
            {"Authorization": f"Bearer {ADA}", "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def change(self, before: str, after: str) -> None:
        """Change the model, on main."""
        self.up_to_date()
        text = (self.root / "model/coin/model.py").read_text()
        assert before in text
        self.write("model/coin/model.py", text.replace(before, after))
        self.commit(f"Make it {after}")
        self.push("main")

    def comment(self, number: int) -> str:
        """What the bot says below a pull request."""
        return "\n".join(each["body"] for each in self.state.comments if each["number"] == number)

    def overlay(self, environment: str) -> Overlay:
        self.up_to_date()
        settings = settings_file.load(self.root)
        return edits.read(Repository(self.root), "HEAD", settings, environment, "coin")

    def versions(self, environment: str) -> dict[int, int]:
        return {name.version: percent for name, percent in self.overlay(environment).route.items()}

    def published(self, environment: str) -> list[int]:
        return store_of(settings_file.load(self.root), environment).versions("coin")

    def slipway(self, *words: str) -> str:
        done = subprocess.run(["slipway", *words], cwd=self.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


def _git(folder: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, gcs_server: str) -> Iterator[Team]:
    if not RUNNER.is_file():
        pytest.skip("needs ../shared/cluster, which runs GitHub's workflows")
    folder = tmp_path_factory.mktemp("day")
    names = [
        *("SLIPWAY_BUILD_OPTIONS", "SLIPWAY_RUN_OPTIONS", "SLIPWAY_PUSH_OPTIONS", "SLIPWAY_TEST_REGISTRY"),
        "CONTAINERS_REGISTRIES_CONF",
    ]
    given = {name: os.environ[name] for name in names if name in os.environ}
    with pytest.MonkeyPatch.context() as patch, started(folder / "forge") as forge:
        patch.setenv("STORAGE_EMULATOR_HOST", gcs_server)
        make = urllib.request.Request(f"{gcs_server}/storage/v1/b?project=team", b'{"name": "models"}')
        make.add_header("Content-Type", "application/json")
        urllib.request.urlopen(make).close()
        forge.repository(NAME)
        yield Team(forge, folder, given | {"STORAGE_EMULATOR_HOST": gcs_server})


def ran(runs: list[Run]) -> list[str]:
    """Which workflows were run; fails with the log of one that did not succeed."""
    for run in runs:
        assert run.succeeded, f"{run.workflow} on {run.event} of {run.ref}\n{run.log[-12000:]}"
    return [run.workflow for run in runs]


def of(runs: list[Run], workflow: str) -> Run:
    """The one run of a workflow."""
    [found] = [run for run in runs if run.workflow == workflow]
    return found


def test_a_day(team: Team) -> None:
    """A model changes on a branch; it is checked, merged, released, promoted, rolled back, held, and lifted again."""
    team.git("checkout", "--quiet", "-b", "coin")
    team.write("model/coin/model.py", MODEL)
    team.write("model/coin/test_model.py", TEST)
    team.write("model/coin/requirements.txt", "")
    rows = [f"{number},{('heads', 'tails')[number % 2]}" for number in range(40)]
    team.write("model/coin/coin.csv", "\n".join(["number,side", *rows]) + "\n")
    team.write("slipway.yaml", (team.root / "slipway.yaml").read_text() + "models:\n  coin: {train: runner}\n")
    team.commit("Add coin")
    pull = team.propose("coin", "A coin")
    assert ran(team.actions.settle()) == ["ci"]
    assert "coin" in team.comment(pull["number"])

    team.merge(pull["number"])
    # The commit of overlays starts what follows promotions, and no release.
    runs = team.actions.settle()
    assert sorted(ran(runs)) == ["ci", "promote", "release"]
    [first] = team.overlay("test").releases
    assert team.versions("test") == {1: 100}
    assert first.record.branch == "main" and first.record.run.startswith(f"{team.forge.url}/{NAME}/actions/runs/")
    assert first.record.image.startswith(os.environ["SLIPWAY_TEST_REGISTRY"]) and first.record.size > 0
    assert "| coin | released |" in of(runs, "release").log

    team.slipway("verify", f"test/coin/{first.name}")  # what the cluster does
    ran(team.actions.by_hand("promote", model="coin"))
    [promotion] = [each for each in team.state.pulls if each["head"] == "promote/prod/coin"]
    (team.root.parent / "body.md").write_text(promotion["body"])
    for part in (f"promotion prod/coin {first.name}", "git revert", first.record.image):
        assert part in promotion["body"]
    assert team.published("prod") == []

    team.merge(promotion["number"])
    assert "release" not in ran(team.actions.settle())
    [live] = team.overlay("prod").releases
    assert (live.record.image, live.record.fingerprint) == (first.record.image, first.record.fingerprint)
    assert live.name.short == first.name.short and team.published("prod") == [1]

    team.change('"heads"', '"tails"')
    ran(team.actions.settle())
    assert team.versions("test") == {2: 100}

    ran(team.actions.by_hand("rollback", model="coin", environment="test", reason="tails is wrong"))
    assert team.versions("test") == {1: 100}
    hold = team.overlay("test").hold
    assert hold is not None and (hold.reason, hold.by.split(" <")[0]) == ("tails is wrong", "ada")

    team.change("whatever it is asked", "always")
    runs = team.actions.settle()
    assert "| coin | held |" in of(runs, "release").log
    assert ran(runs) and team.versions("test") == {1: 100}

    ran(team.actions.by_hand("hold", model="coin", environment="test", do="lift"))
    assert team.versions("test") == {1: 100}
    ran(team.actions.by_hand("release", model="coin"))
    assert team.versions("test") == {3: 100}
    assert team.versions("prod") == {1: 100}
