"""`slipway reproduce` trains a version again: real trainings in their own environments."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from slipway import settings as settings_file
from slipway.cli import main
from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.provenance.commits import check_out
from slipway.provenance.reproduce import pin, reproduce
from slipway.store import Data, Training, store_of
from tests.unit.conftest import Site

ROOT = Path(__file__).parents[3]

SETTINGS = """
environments:
  test: {store: .slipway/store/test, namespace: slipway-test}
  prod: {store: .slipway/store/prod, namespace: slipway-prod, promotes_from: test}
models:
  fruit: {gates: {r2: {min: -1000}}, pin: {prod: 1}, secrets: {TASTE: {secret: fruit, key: taste}}}
"""

MODEL = '''
"""Weights."""
import random

from model.common.scales import scaled
from slipway.model import Model

print("what is printed on the way is no answer")


class Weight(Model):
    """How heavy it is."""

    source_features = ["length"]
    target_variable = "weight"
    output = float
    parameters = {"factor": 1.0}

    def train(self, data):
        self.slope = scaled(float((data["weight"] / data["length"]).mean()), self.parameters["factor"])

    def predict(self, rows):
        return [row["length"] * self.slope for row in rows]
'''

TEST = '''
def test_nothing():
    """Nothing."""
'''


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a repository with version 1 of `fruit`, which changed since, and with `dice`, whose slope is random."""
    site = Site(tmp_path_factory.mktemp("team") / "repository")
    site.write("slipway.yaml", SETTINGS)
    site.write(".gitignore", ".slipway/\n__pycache__/\n")
    site.write("requirements.lock", (ROOT / "requirements.lock").read_text())
    site.write("model/common/scales.py", "def scaled(value, factor):\n    return value * factor\n")
    for model, code in (
        ("fruit", MODEL),
        ("dice", MODEL.replace('"]).mean()', '"]).mean() + random.SystemRandom().random()')),
    ):
        site.write(f"model/{model}/model.py", code)
        site.write(f"model/{model}/test_model.py", TEST)
        site.write(f"model/{model}/requirements.txt", "")
        rows = "".join(f"{length},{length * 3 + length % 5}\n" for length in range(1, 1201))
        site.write(f"model/{model}/{model}.csv", f"length,weight\n{rows}")
    site.git("init", "--quiet", "--initial-branch=main")
    site.git("config", "user.name", "Ada")
    site.git("config", "user.email", "ada@example.org")
    site.commit("Start")
    train(site, "fruit", "-p", "factor=2")
    site.write("model/common/scales.py", "def scaled(value, factor):\n    return 0.0\n")
    site.write("model/fruit/fruit.csv", "length,weight\n")
    site.commit("Change")
    return site


def train(site: Site, *words: str) -> None:
    command = [sys.executable, "-P", "-m", "slipway", "-C", str(site.root), "train", *words]
    env = {**os.environ, "TASTE": "sweet enough"}
    done = subprocess.run(command, cwd=site.root, capture_output=True, text=True, check=False, env=env)
    assert done.returncode == 0, done.stderr


@pytest.mark.long(11)
def test_a_promoted_version_is_reproduced(
    team: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its recorded parameter, and the shared code and data of its commit, give the same artifact."""
    monkeypatch.setenv("TASTE", "sweet enough")
    test, prod = team.store(), team.store("prod")
    prod.copy(test.record("fruit", 1), 1, source=test)
    team.write("model/fruit/model.py", "# not committed\n")
    before = team.git("status", "--porcelain"), team.git("for-each-ref"), team.git("worktree", "list")
    assert main(["-C", str(team.root), "reproduce", "fruit/prod/1", "--keep", str(tmp_path / "kept")]) == 0
    told = capsys.readouterr().out
    assert "fruit/prod/1: reproduced: 1200 of 1200 predictions are the same" in told
    assert "at its training: a second fit gave the same artifact" in told
    assert "here: a second fit gave the same artifact" in told
    assert ": the same\n" in told and "labels: equal on 1200 of 1200 rows" in told and "largest difference 0," in told
    assert (team.git("status", "--porcelain"), team.git("for-each-ref"), team.git("worktree", "list")) == before
    assert test.versions("fruit") == [1] and prod.versions("fruit") == [1]
    schema = json.loads((tmp_path / "kept/evaluate/artifact/schema.json").read_bytes())
    assert schema["target"]["name"] == "weight"
    team.git("checkout", "--quiet", "model")


@pytest.mark.long(15)
def test_a_training_without_a_seed_is_not_reproduced(
    team: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The output has the largest difference, whether a second fit agreed, and the other CPU. The exit status is 1."""
    team.git("checkout", "--quiet", "HEAD~1")
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Nehalem")  # as on an older CPU
    train(team, "dice")
    monkeypatch.delenv("OPENBLAS_CORETYPE")
    team.git("checkout", "--quiet", "main")
    assert main(["-C", str(team.root), "reproduce", "dice/test/1"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "dice/test/1: not reproduced: 0 of 1200 predictions are the same"
    assert "another one; differing: golden.json, metrics.json, parts/slope.json" in lines[1]
    assert float(lines[3].split("difference ")[1].split(",")[0]) > 0
    assert lines[4].strip().startswith("row 0: expected")
    trained_on = [line for line in lines if "note: trained on" in line and "Nehalem" in line]
    assert bool(trained_on) is (platform.machine() == "x86_64")
    words = "a second fit gave another artifact: parts/slope.json differs; both answer 0 of"
    assert [line.strip().partition(":")[0] for line in lines if words in line] == ["at its training", "here"]


def published(team: Site, *, snapshot: bool = True, **training: Any) -> str:
    """Publish a version of `other` with this training in its record, and return its model id."""
    folder = team.root.parent / f"other-{len(team.store().versions('other'))}"
    folder.mkdir()
    (folder / "artifact.json").write_text("{}")
    rows = folder.parent / "rows.csv"
    rows.write_text("a\n")
    digest = "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7"
    known = {"digest": "d" * 64, "commit": team.head}
    data = Data(uri="rows.csv", sha256=digest, rows=1)
    record = {"training": Training(**{**known, **training}), "data": data} if training or not snapshot else {}
    attachments = {f"data/{digest}.csv": rows} if snapshot else {}
    return str(team.store().publish("other", folder, record=record, attachments=attachments).id)


@pytest.mark.long(5)
def test_a_version_that_lacks_something_is_refused(team: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names what is missing, before any training starts."""
    monkeypatch.delenv("TASTE", raising=False)
    for what, says in [
        (published(team), "published by hand"),
        (published(team, dirty=True), "files differed from the commit"),
        (published(team, commit=None), "trained without git"),
        (published(team, commit="a" * 40), "is not in this clone"),
        (published(team, commit=team.head, snapshot=False), "has no snapshot of its data"),
        ("fruit/test/1", "the secret TASTE, which training needs, is not set"),
        ("fruit/test/9", "has no version 9"),
    ]:
        with pytest.raises(SlipwayError, match=says):
            reproduce(team.settings, what, report=print)
    (tmp_path / "file").touch()
    with pytest.raises(SlipwayError, match="is not an empty folder"):
        reproduce(team.settings, "fruit/test/1", keep=tmp_path, report=print)


@pytest.mark.long(6)
def test_a_training_gets_pinned_settings(team: Site, tmp_path: Path) -> None:
    """They have the recorded parameters, no gates, and one store in a new folder."""
    record = team.store().record("fruit", 1)
    root = check_out(Repository(team.root), record.training.commit, tmp_path / "there")
    pinned = pin(root, record, tmp_path / "store")
    assert pinned == settings_file.load(root)
    own = pinned.model("fruit")
    assert (own.parameters, own.gates, own.pin) == ({"factor": 2.0}, {}, {})
    assert {name: each.store for name, each in pinned.environments.items()} == {"test": str(tmp_path / "store")}
    assert store_of(pinned, "test").versions("fruit") == []
