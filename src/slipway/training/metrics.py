"""How good predictions are: the usual metrics, and which way is better."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.schema import Field

__all__ = ["measure", "unlike", "worse_by"]

_LOWER_IS_BETTER = ("error", "loss", "mae", "mse", "rmse", "mape", "brier")


def measure(target: Field, truth: Sequence[Any], predictions: Sequence[Any]) -> dict[str, float]:
    """Metrics of a classifier (accuracy, balanced_accuracy, f1_macro) or a regression (r2, mae, rmse).

    Both sequences hold JSON values, one a row. What is neither a class nor a number has no usual metrics.
    Source: scikit-learn's `sklearn.metrics`.
    """
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


def unlike(ours: Field, theirs: Field) -> tuple[str, str] | None:
    """What each of two targets is where their predictions cannot be measured alike; None where they can."""
    if ours.name != theirs.name:
        return repr(ours.name), repr(theirs.name)
    if ours.kind != theirs.kind or bool(ours.categories) != bool(theirs.categories):
        return ours.expected, theirs.expected
    return None


def worse_by(name: str, candidate: float, other: float) -> float:
    """By how much a metric is worse than another value of it; negative where it is better.

    Lower is better for errors and losses, by their name; higher for all else.
    """
    lower = any(word in name.lower() for word in _LOWER_IS_BETTER)
    return candidate - other if lower else other - candidate
