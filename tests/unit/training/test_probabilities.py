"""Metrics of the probabilities of classes."""

import numpy as np
import pytest
from sklearn import metrics

from slipway.errors import SlipwayError
from slipway.schema import Field
from slipway.training.probabilities import measure, table

TWO = Field(name="kind", kind="string", categories=("a", "b"))
THREE = Field(name="kind", kind="string", categories=("a", "b", "c"))
DRAWN = np.random.default_rng(0)


def drawn(classes, rows=200):
    """Return the truth and probabilities that say something about it."""
    truth = DRAWN.choice(list(classes), rows)
    found = DRAWN.random((rows, len(classes))) + 0.3 * (truth[:, None] == list(classes))
    return truth.tolist(), found / found.sum(axis=1, keepdims=True)


def test_two_classes_are_measured_as_scikit_learn_does():
    """The last class is the positive one."""
    truth, found = drawn("ab")
    positive = [value == "b" for value in truth]
    assert measure(TWO, truth, found.tolist()) == pytest.approx(
        {
            "roc_auc": metrics.roc_auc_score(positive, found[:, 1]),
            "average_precision": metrics.average_precision_score(positive, found[:, 1]),
            "log_loss": metrics.log_loss(truth, found, labels=["a", "b"]),
            "brier": metrics.brier_score_loss(positive, found[:, 1]),
        }
    )


def test_several_classes_are_measured_as_scikit_learn_does():
    """Each class is measured against the others."""
    truth, found = drawn("abc")
    known = np.array(truth)[:, None] == ["a", "b", "c"]
    assert measure(THREE, truth, found.tolist()) == pytest.approx(
        {
            "roc_auc": metrics.roc_auc_score(truth, found, multi_class="ovr"),
            "average_precision": metrics.average_precision_score(known, found, average="macro"),
            "log_loss": metrics.log_loss(truth, found),
            "brier": ((found - known) ** 2).sum(axis=1).mean(),
        }
    )


def test_a_class_that_the_truth_lacks_does_not_count():
    """With one class only, nothing can be ranked."""
    found = [[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.0, 1.0, 0.0]]
    assert measure(THREE, ["a", "b", "b"], found)["roc_auc"] == 1
    assert set(measure(THREE, ["b", "b", "b"], found)) == {"log_loss", "brier"}
    assert 36 < measure(THREE, ["a", "a", "a"], [[0.0, 1.0, 0.0]] * 3)["log_loss"] < 37


GOOD = {"kind": "a", "probabilities": {"b": 0.25, "a": 0.75}}


def test_probabilities_stand_beside_the_label():
    """Their order does not count."""
    assert table(TWO, [GOOD, GOOD]) == [[0.75, 0.25]] * 2


@pytest.mark.parametrize(
    "wrong",
    [
        "a",
        {"kind": "a"},
        {"kind": "a", "probabilities": [0.75, 0.25]},
        {"kind": "a", "probabilities": {"a": 0.75}},
        {"kind": "a", "probabilities": {"a": 0.75, "b": 0.35}},
        {"kind": "a", "probabilities": {"a": 0.75, "c": 0.25}},
        {"kind": "a", "probabilities": {"a": 1.5, "b": -0.5}},
        {"kind": "a", "probabilities": {"a": True, "b": False}},
    ],
)
def test_what_is_no_probability_of_each_class_is_not_measured(wrong):
    """A class that promised probabilities is refused, with the prediction."""
    assert table(TWO, [GOOD, wrong]) is None
    with pytest.raises(SlipwayError, match="prediction 1 has no probabilities of a, b that add up to 1"):
        table(TWO, [GOOD, wrong], declared=True)
