"""Held-out rows are measured."""

import msgspec
import pytest

from slipway.errors import SlipwayError
from slipway.training.task import step

SURE = "    probabilities = True\n    source_features ="


def test_a_pipeline_gives_probabilities_and_stays_a_graph(team):
    """The graph computes them too; gates judge them."""
    team.edit("    source_features =", SURE)
    (team.folder / "test_model.py").write_text("def test_nothing():\n    pass\n")
    team.configure("models: {fruit: {gates: {roc_auc: {min: 0.9}, brier: {max: 0.2}, log_loss: {max: 0.5}}}}")
    folder = team.run("fetch", "check", "fit", "evaluate")
    assert (folder / "artifact/parts/fitted.onnx").is_file()
    metrics = msgspec.json.decode((folder / "metrics.json").read_bytes())["metrics"]
    assert {"accuracy", "roc_auc", "average_precision", "log_loss", "brier"} <= metrics.keys()
    golden = msgspec.json.decode((folder / "artifact/golden.json").read_bytes())
    for found in golden["predictions"]:
        likeliest = max(found["probabilities"], key=found["probabilities"].get)
        assert (found["kind"], sum(found["probabilities"].values())) == (likeliest, pytest.approx(1))


def test_a_gate_without_its_metric_fails_before_the_fit(team):
    """Nothing is trained for it."""
    team.configure("models: {fruit: {gates: {roc_auc: {min: 0.9}}}}")
    with pytest.raises(SlipwayError, match="the gate 'roc_auc' has no such metric") as caught:
        team.run("fetch", "check")
    assert "probabilities = True" in caught.value.fix


def test_probabilities_that_an_estimator_lacks_are_told_before_the_fit(team):
    """The message names the estimator."""
    team.edit("    source_features =", SURE)
    team.edit(
        "return make_pipeline(", "from sklearn.svm import LinearSVC\n        return LinearSVC() or make_pipeline("
    )
    with pytest.raises(SlipwayError, match="LinearSVC has no predict_proba"):
        team.run("fetch", "check", "fit")


@pytest.mark.long(5)
def test_a_missed_gate_of_probabilities_publishes_nothing(team):
    """A loss is missed when it is too high."""
    team.edit("    source_features =", SURE)
    team.configure("models: {fruit: {gates: {log_loss: {max: 0}}}}")
    folder = team.run("fetch", "check", "fit")
    with pytest.raises(SlipwayError, match=r"a gate is missed: log_loss .*, at most 0 \(missed by"):
        step("evaluate", team.settings, folder, team.root / "run" / "evaluate")
