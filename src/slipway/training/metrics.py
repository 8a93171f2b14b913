"""Metrics of predictions, and gates: the limits of metrics for a publication."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from slipway.errors import SlipwayError
from slipway.names import nearest
from slipway.schema import Field
from slipway.settings.types import Gate

_LOWER_IS_BETTER = ("error", "loss", "mae", "mse", "rmse", "mape", "brier")

# 0.95 - 0.93 is a little more than 0.02.
_ROUNDING = 1e-12


def measure(target: Field, truth: Sequence[Any], predictions: Sequence[Any]) -> dict[str, float]:
    """Return the metrics of a classifier (accuracy, balanced_accuracy, f1_macro) or a regression (r2, mae, rmse).

    Both sequences hold JSON values, one for each row. A target that is neither a class nor a number has no metrics, and
    without truth there are none. Each of several targets has its own: `price/r2`.
    Source: scikit-learn's `sklearn.metrics`.
    """
    if not truth:
        return {}
    if target.parts:
        return {
            f"{part.name}/{name}": value
            for part in target.parts
            for name, value in measure(part, _column(truth, part), _column(predictions, part)).items()
        }
    from sklearn import metrics

    if target.categories:
        expected, found = list(map(str, truth)), list(map(str, predictions))
        return {
            "accuracy": float(metrics.accuracy_score(expected, found)),
            "balanced_accuracy": float(metrics.recall_score(expected, found, average="macro", zero_division=0)),
            "f1_macro": float(metrics.f1_score(expected, found, average="macro", zero_division=0)),
        }
    if target.kind in ("number", "integer"):
        return {
            "r2": float(metrics.r2_score(truth, predictions)) if len(truth) > 1 else 0.0,
            "mae": float(metrics.mean_absolute_error(truth, predictions)),
            "rmse": float(metrics.root_mean_squared_error(truth, predictions)),
        }
    return {}


def _column(rows: Sequence[Any], part: Field) -> list[Any]:
    return [row[part.name] for row in rows]


def unlike(ours: Field, theirs: Field) -> tuple[str, str] | None:
    """Return how two targets differ, if their predictions cannot be measured alike; None if they can."""
    if ours.name != theirs.name:
        return repr(ours.name), repr(theirs.name)
    if ours.parts or theirs.parts:
        names = [", ".join(sorted(part.name for part in each.parts)) for each in (ours, theirs)]
        if names[0] != names[1]:
            return names[0] or ours.expected, names[1] or theirs.expected
        known = {part.name: part for part in theirs.parts}
        return next(filter(None, (unlike(part, known[part.name]) for part in ours.parts)), None)
    if ours.kind != theirs.kind or bool(ours.categories) != bool(theirs.categories):
        return ours.expected, theirs.expected
    return None


def worse_by(name: str, candidate: float, other: float) -> float:
    """Return by how much a metric is worse than another value of it; negative when it is better.

    For errors and losses, known by their name, lower is better; for all else, higher. The name of a target before it
    (`weight_loss/r2`) says nothing.
    """
    lower_is_better = any(word in name.rpartition("/")[2].lower() for word in _LOWER_IS_BETTER)
    return candidate - other if lower_is_better else other - candidate


class Verdict(Struct, frozen=True, kw_only=True):
    """The result of one rule of a gate; `missed_by` is 0 when the metric passes."""

    metric: str
    value: float
    rule: str
    missed_by: float

    def __str__(self) -> str:
        missed = f" (missed by {self.missed_by:.4g})" if self.missed_by else ""
        return f"{self.metric} {self.value:.4g}, {self.rule}{missed}"


def compares_with_deployed(gates: Mapping[str, Gate]) -> bool:
    """Return True if any of the gates compares with the deployed version."""
    return any(gate.worse_by is not None for gate in gates.values())


def judge(
    gates: Mapping[str, Gate],
    metrics: Mapping[str, float],
    deployed: Mapping[str, float] | None,
    same: Mapping[str, float] | None = None,
) -> list[Verdict]:
    """Return the verdict of every rule; `deployed` holds the metrics of the deployed version, if there is one.

    `same` holds the metrics on the rows that the deployed version was measured on, where these are not all. Raise
    `SlipwayError` when a gate names a metric that was not measured.
    """
    for metric in sorted(gates.keys() - metrics.keys()):
        raise SlipwayError(f"the gate {metric!r} has no such metric to judge", fix=nearest(metric, metrics))
    return [
        Verdict(metric=metric, value=metrics[metric], rule=rule, missed_by=missed if missed > _ROUNDING else 0.0)
        for metric, gate in sorted(gates.items())
        for rule, missed in _rules(
            metric, gate, metrics[metric], (deployed or {}).get(metric), (same or metrics).get(metric)
        )
    ]


def _rules(
    metric: str, gate: Gate, value: float, deployed: float | None, same: float | None
) -> Iterator[tuple[str, float]]:
    """Yield each rule of a gate in words, and by how much `value` misses it; not above 0 when it passes.

    `same` is the value on the rows of `deployed`.
    """
    if gate.min is not None:
        yield f"at least {gate.min:g}", gate.min - value
    if gate.max is not None:
        yield f"at most {gate.max:g}", value - gate.max
    if gate.worse_by is not None and deployed is not None and same is not None:
        other = f" ({same:.4g} on the same rows)" if same != value else ""
        worse = worse_by(metric, same, deployed)
        yield f"at most {gate.worse_by:g} worse than the deployed {deployed:.4g}{other}", worse - gate.worse_by
