"""Gates judge metrics by limits and by the deployed version."""

import pytest

from slipway.errors import SlipwayError
from slipway.settings.types import Gate
from slipway.training.metrics import judge


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
