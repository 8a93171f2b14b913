"""Gates judge metrics by limits and by the deployed version."""

import math

import numpy as np
import pytest
from sklearn import metrics as known

from slipway.errors import SlipwayError
from slipway.model import Model, PipelineModel
from slipway.schema import Field, Schema
from slipway.settings.types import Gate
from slipway.training.metrics import check_gates, joined, judge, measure, measured, own, worse_by


@pytest.mark.parametrize(
    ("gate", "metrics", "deployed", "missed"),
    [
        (Gate(min=0.9), {"accuracy": 0.9}, None, [0.0]),
        (Gate(min=0.9), {"accuracy": 0.85}, None, [0.05]),
        (Gate(max=2.0), {"accuracy": 2.5}, None, [0.5]),
        (Gate(worse_by=0.02), {"accuracy": 0.5}, None, []),
        (Gate(worse_by=0.02), {"accuracy": 0.93}, {"accuracy": 0.95}, [0.0]),
        (Gate(worse_by=0.02), {"accuracy": 0.90}, {"accuracy": 0.95}, [0.03]),
        (Gate(worse_by=0.0), {"accuracy": 0.96}, {"accuracy": 0.95}, [0.0]),
        (Gate(min=0.99, worse_by=0), {"accuracy": 0.94}, {"accuracy": 0.95}, [0.05, 0.01]),
    ],
)
def test_a_gate_says_by_how_much_it_is_missed(gate, metrics, deployed, missed):
    """Each limit is judged by itself. A comparison is judged if a version is deployed."""
    assert [verdict.missed_by for verdict in judge({"accuracy": gate}, metrics, deployed)] == pytest.approx(missed)


@pytest.mark.parametrize(("value", "missed"), [(3.0, 0.5), (2.0, 0.0)])
def test_a_lower_error_is_a_better_one(value, missed):
    """Against the deployed version, errors and losses are worse when they are higher."""
    (verdict,) = judge({"rmse": Gate(worse_by=0.5)}, {"rmse": value}, {"rmse": 2.0})
    assert verdict.missed_by == pytest.approx(missed)


def test_a_missed_gate_names_figure_and_rule():
    """The text has the metric, its value, the rule, and by how much it is missed."""
    (verdict,) = judge({"accuracy": Gate(min=0.9)}, {"accuracy": 0.8512}, None)
    assert str(verdict) == "accuracy 0.8512, at least 0.9 (missed by 0.0488)"


def test_a_gate_on_an_unknown_metric_names_the_nearest():
    """A misspelt metric is an error."""
    with pytest.raises(SlipwayError, match="did you mean 'accuracy'"):
        judge({"acuracy": Gate(min=0.9)}, {"accuracy": 1.0, "f1_macro": 1.0}, None)


class Sure(PipelineModel):
    """A classifier that gives probabilities."""

    probabilities = True


class Free(Model):
    """A model whose own `predict` may give probabilities."""

    def predict(self, rows):
        return [None for _ in rows]


class Measured(Model):
    """A model with metrics of its own."""

    def metrics(self, truth, predictions):
        return {"profit": len(truth) - len(predictions), "first": predictions[0]}


class Whole(Model):
    """A model whose metrics take all that `predict` gave, and the rows."""

    def metrics(self, truth, predictions, rows):
        return {"weight": sum(row["weight"] for row in rows), "sure": predictions[0]["sure"] * len(truth)}


class High(PipelineModel):
    """A model that predicts a quantile."""

    quantile = 0.9


def schema(**target):
    return Schema(fields=(Field(name="weight", kind="number"),), target=Field(name="kind", **target))


CLASSES, NUMBER = schema(kind="string", categories=("a", "b")), schema(kind="number")
GATE = Gate(min=0.1)


@pytest.mark.parametrize(
    ("kind", "of", "metric", "fix"),
    [
        (Sure, CLASSES, "roc_auc", None),
        (Sure, CLASSES, "accuracy", None),
        (Free, CLASSES, "log_loss", None),
        (Measured, CLASSES, "profits", None),
        (High, NUMBER, "pinball_loss", None),
        (PipelineModel, CLASSES, "acuracy", "did you mean 'accuracy'"),
        (PipelineModel, CLASSES, "brier", "write `probabilities = True` in the class PipelineModel"),
        (PipelineModel, NUMBER, "accuracy", "mae"),
        (PipelineModel, NUMBER, "pinball_loss", "write `quantile = 0.9`"),
        (PipelineModel, schema(kind="string"), "accuracy", "write `metrics` in the class PipelineModel"),
    ],
)
def test_a_gate_is_checked_by_its_name_before_the_fit(kind, of, metric, fix):
    """A class with metrics of its own is asked after the fit."""
    if fix is None:
        check_gates({metric: GATE}, kind, of)
        return
    with pytest.raises(SlipwayError, match=f"the gate '{metric}' has no such metric") as caught:
        check_gates({metric: GATE}, kind, of)
    assert fix in caught.value.fix


@pytest.mark.parametrize(("kind", "of"), [(Sure, NUMBER), (High, CLASSES)])
def test_a_promise_that_the_target_cannot_keep_is_refused(kind, of):
    """There are no probabilities of a number, and no quantile of a class."""
    with pytest.raises(SlipwayError, match=f"{kind.__name__}\\."):
        check_gates({}, kind, of)


@pytest.mark.parametrize("name", ["log_loss", "brier", "pinball_loss"])
def test_losses_are_better_when_they_are_lower(name):
    """Gates know the direction by the name."""
    assert worse_by(name, 0.3, 0.2) > 0 > worse_by("roc_auc", 0.3, 0.2)


def test_own_metrics_take_what_they_ask_for():
    """Without `rows` in their signature, they get the values of the target alone."""
    rows, found = [{"weight": 2.0}, {"weight": 3.0}], [{"kind": 4.0, "sure": 0.5}] * 2
    assert own(Measured(), NUMBER, [1.0, 2.0], found, rows) == {"profit": 0, "first": 4}
    assert own(Whole(), NUMBER, [1.0, 2.0], found, rows) == {"weight": 5, "sure": 1}


def test_a_quantile_has_a_pinball_loss():
    """A prediction that is too low costs 0.9 of its error, one that is too high 0.1."""
    assert measured(High(), NUMBER, [1.0, 1.0], [3.0, 0.0])["pinball_loss"] == pytest.approx((0.2 + 0.9) / 2)


class Giving(Model):
    """Measures what the case says."""

    def __init__(self, found):
        super().__init__()
        self.found = found

    def metrics(self, truth, predictions):
        return self.found if len(truth) == len(predictions) else {}


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (None, "gives NoneType, and a dict of numbers"),
        ([1.0], "gives list, and a dict of numbers"),
        ({"cost": "0.5"}, "gives '0.5' for 'cost', and a number is needed"),
        ({"cost": {"low": 1}}, "for 'cost', and a number is needed"),
        ({"cost": None}, "gives None for 'cost'"),
        ({"cost": np.array([0.5, 1.0])}, "for 'cost', and a number is needed"),
        ({"": 1.0}, "a metric named ''"),
        ({"..": 1.0}, r"a metric named '\.\.'"),
        ({"x" * 300: 1.0}, "cannot be the name of a file"),
        ({"a\nb": 1.0}, "cannot be the name of a file"),
    ],
    ids=repr,
)
def test_own_metrics_are_numbers_with_names(found, says):
    """The message says which metric is wrong, and what it was."""
    with pytest.raises(SlipwayError, match=f"Giving.metrics .*{says}"):
        own(Giving(found), NUMBER, [1.0], [1.0], [])


@pytest.mark.parametrize("value", [0.5, np.float32(0.5), np.array(0.5), True, np.int64(3)])
def test_own_metrics_may_be_numbers_of_numpy(value):
    """Whatever is one number counts."""
    assert own(Giving({"cost": value}), NUMBER, [1.0], [1.0], []) == {"cost": float(value)}


def test_own_metrics_change_nothing_for_others():
    """Golden predictions and comparisons go by the same lists."""

    class Sorting(Model):
        def metrics(self, truth, predictions, rows):
            truth.sort()
            predictions.reverse()
            predictions[0]["kind"] = 9.0
            return {"rows": len(rows)}

    truth, predictions = [2.0, 1.0], [{"kind": 1.0}, {"kind": 2.0}]
    own(Sorting(), NUMBER, truth, predictions, [{"weight": 1.0}] * 2)
    assert (truth, predictions) == ([2.0, 1.0], [{"kind": 1.0}, {"kind": 2.0}])


def test_own_metrics_do_not_replace_those_of_the_platform():
    """A gate and an approver read one meaning by one name; who measures the same finds the same."""
    assert joined({"mae": 0.5}, {"mae": 0.5 + 1e-12, "cost": 1.0}, "M.metrics") == {"mae": 0.5, "cost": 1.0}
    with pytest.raises(SlipwayError, match=r"M\.metrics gives 1 for 'accuracy', which is 0\.8 on the same rows"):
        joined({"accuracy": 0.8}, {"accuracy": 1.0}, "M.metrics")


@pytest.mark.parametrize(
    ("truth", "found"),
    [("aabb", "aabb"), ("aabb", "aqbb"), ("aaaa", "aaqb"), ("abcd", "dcba"), ("aabc", "aabb"), ("aab", "qqq")],
)
def test_metrics_of_classes_are_those_of_scikit_learn(truth, found):
    """Also where a class is predicted that no held-out row has."""
    target = Field(name="kind", kind="string", categories=("a", "b", "c", "d", "q"))
    assert measure(target, list(truth), list(found)) == {
        "accuracy": known.accuracy_score(list(truth), list(found)),
        "balanced_accuracy": pytest.approx(known.balanced_accuracy_score(list(truth), list(found))),
        "f1_macro": known.f1_score(list(truth), list(found), average="macro", zero_division=0),
    }


def test_one_row_has_no_r2():
    """It is not defined, and a made-up 0 would pass a gate or miss it."""
    target = Field(name="kind", kind="number")
    assert measure(target, [1.0], [3.0]) == {"mae": 2.0, "rmse": 2.0}
    assert math.isclose(measure(target, [1.0, 3.0], [1.0, 2.0])["r2"], 0.5)
