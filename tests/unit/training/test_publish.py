"""What the record of a version says of the run that made it, and that a run publishes once."""

import pytest

from slipway.store import open_store
from slipway.training.run import STEPS, step

RUN = "train-fruit-1a2b3c4d"
FRUIT = """
from slipway.model import Model


class Fruit(Model):
    source_features = ["length"]
    target_variable = "kind"

    def train(self, data):
        self.limit = float(data["length"].mean())

    def predict(self, rows):
        return [("small", "large")[row["length"] > self.limit] for row in rows]
"""


@pytest.fixture
def published(team, monkeypatch):
    """The store after a whole run in a cluster, where there is no git."""
    monkeypatch.setenv("SLIPWAY_RUN", RUN)
    monkeypatch.setenv("SLIPWAY_COMMIT", "c" * 40)
    monkeypatch.setenv("SLIPWAY_BRANCH", "trainpred/deeper")
    (team.folder / "model.py").write_text(FRUIT)
    (team.folder / "test_model.py").write_text("def test_nothing():\n    pass\n")
    (team.folder / "requirements.txt").write_text("")
    team.run(*STEPS)
    return open_store("store/test", root=team.root, environment="test")


def publish(team):
    step("publish", team.settings, team.root / "run" / "evaluate", team.root / "run" / "publish")


def test_the_record_names_commit_branch_and_run(published):
    """As the environment says them; beside them the share of the rows that were held out."""
    record = published.record("fruit", 1)
    assert (record.training.commit, record.training.branch) == ("c" * 40, "trainpred/deeper")
    assert record.training.run == RUN
    assert record.data.share == 0.2


def test_a_run_publishes_once(team, published):
    """When its last pod was lost after it had published and is started again, that version is its own."""
    publish(team)
    assert published.versions("fruit") == [1]


@pytest.mark.parametrize("run", ["train-fruit-99999999", ""], ids=["another run", "no run"])
def test_another_run_publishes_anew(team, published, monkeypatch, run):
    """Even when the content is the same."""
    monkeypatch.setenv("SLIPWAY_RUN", run)
    publish(team)
    assert published.versions("fruit") == [1, 2]
