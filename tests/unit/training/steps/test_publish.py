"""The record of a version names its run, and a run publishes once."""

import json
import shutil

import pytest

from slipway.store import open_store
from slipway.training.task import STEPS, step
from tests.unit.training.conftest import KIND, PLAIN, Team, modules_of_its_own

RUN = "train-fruit-1a2b3c4d"


@pytest.fixture(scope="module")
def run_once(tmp_path_factory):
    """Make a repository and run all steps in it as in a cluster, without git; tests copy it."""
    with pytest.MonkeyPatch.context() as patch, modules_of_its_own():
        _in_a_cluster(patch)
        made = Team(tmp_path_factory.mktemp("published"))
        (made.folder / "model.py").write_text(PLAIN.replace("PREDICTION", KIND))
        (made.folder / "test_model.py").write_text("def test_nothing():\n    pass\n")
        (made.folder / "requirements.txt").write_text("")
        made.run(*STEPS)
    return made


@pytest.fixture
def published(team, run_once, monkeypatch):
    """Return the store after that run."""
    _in_a_cluster(monkeypatch)
    shutil.copytree(run_once.root, team.root, dirs_exist_ok=True)
    return open_store("store/test", root=team.root, environment="test")


def _in_a_cluster(patch):
    patch.setenv("SLIPWAY_RUN", RUN)
    patch.setenv("SLIPWAY_COMMIT", "c" * 40)
    patch.setenv("SLIPWAY_BRANCH", "trainpred/deeper")


def publish(team):
    step("publish", team.settings, team.root / "run" / "evaluate", team.root / "run" / "publish")


def test_the_record_names_commit_branch_and_run(published):
    """They come from the environment's variables. The share of held-out rows is recorded, too."""
    record = published.record("fruit", 1)
    assert (record.training.commit, record.training.branch) == ("c" * 40, "trainpred/deeper")
    assert record.training.run == RUN
    assert record.data.share == 0.2


def test_a_run_publishes_once(team, published):
    """A pod that is lost after publishing is started again, and finds its version."""
    publish(team)
    assert published.versions("fruit") == [1]


@pytest.fixture
def lost(team, published, monkeypatch):
    """Lose the Workflow of a declared run, and run it again with a result of other files."""
    digest = published.record("fruit", 1).training.digest
    monkeypatch.setenv("SLIPWAY_RUN", f"train-fruit-{digest[:8]}")
    monkeypatch.setenv("SLIPWAY_DECLARED", "2026-11-21T10:00:00Z")
    publish(team)
    evaluated = team.root / "run" / "evaluate"
    about = json.loads((evaluated / "about.json").read_text())
    (evaluated / "about.json").unlink()
    (evaluated / "about.json").write_text(json.dumps(about | {"started": "9999-01-01T00:00:00Z"}))
    (evaluated / "artifact" / "README.md").write_text("Trained again.")
    return published


def test_a_declared_run_publishes_once(team, lost):
    """The step succeeds with the published version, also in a new cluster."""
    publish(team)
    assert lost.versions("fruit") == [1, 2]
    assert json.loads((team.root / "run" / "publish" / "version.json").read_text())["version"] == 2


def test_a_training_that_is_declared_again_publishes_anew(team, lost, monkeypatch):
    """Versions from before the new declaration do not count."""
    monkeypatch.setenv("SLIPWAY_DECLARED", "9999-01-01T00:00:00Z")
    publish(team)
    assert lost.versions("fruit") == [1, 2, 3]


def test_a_submitted_run_counts_from_its_own_start(team, lost, monkeypatch):
    """A submitted run is not the declared one, though its template has the declaration's time."""
    monkeypatch.setenv("SLIPWAY_RUN", RUN)
    publish(team)
    assert lost.versions("fruit") == [1, 2, 3]


@pytest.mark.parametrize("run", ["train-fruit-99999999", ""], ids=["another run", "no run"])
def test_another_run_publishes_anew(team, published, monkeypatch, run):
    """Equal content of another run is a new version."""
    monkeypatch.setenv("SLIPWAY_RUN", run)
    publish(team)
    assert published.versions("fruit") == [1, 2]
