"""Metrics of predictions, and gates: the limits of metrics for a publication."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from slipway.errors import SlipwayError
from slipway.model import Model, PipelineModel, given
from slipway.models.seeds import set_seeds
from slipway.names import nearest
from slipway.schema import Columns, Field, Schema
from slipway.settings.types import Gate
from slipway.text import quoted
from slipway.training import probabilities

_LOWER_IS_BETTER = ("error", "loss", "mae", "mse", "rmse", "mape", "brier")

# 0.95 - 0.93 is a little more than 0.02.
_ROUNDING = 1e-12
# Argo reads a metric from a file of its name.
_LONGEST_NAME = 100


_OF_CLASSES = ("accuracy", "balanced_accuracy", "f1_macro")
_OF_QUANTITIES = ("r2", "mae", "rmse")
_OF_QUANTILES = ("pinball_loss",)


def measured(model: Model, schema: Schema, truth: Sequence[Any], predictions: Sequence[Any]) -> dict[str, float]:
    """Return the metrics of predictions that the platform knows: JSON values, as `predict` gave them."""
    target, kind = schema.target, type(model)
    if not truth:
        return {}
    found = [schema.outcome(prediction) for prediction in predictions]
    given = probabilities.table(target, predictions, declared=kind.probabilities is True)
    return {
        **measure(target, truth, found, quantile=quantile_of(kind)),
        **(probabilities.measure(target, truth, given) if given else {}),
    }


def own(
    model: Model, schema: Schema, truth: Sequence[Any], predictions: Sequence[Any], rows: Sequence[Any]
) -> dict[str, float]:
    """Return the metrics of the model's own `metrics`; raise `SlipwayError` for one that is no number, or has no name.

    It gets the predictions and the rows as `predict` has them if it takes `rows`, or else the target's values alone.
    What it draws at random is the same each time.
    """
    # It may sort or change what it gets: golden predictions and comparisons go by the same values.
    truth, predictions = copy.deepcopy((list(truth), list(predictions)))
    set_seeds()
    if "rows" in inspect.signature(model.metrics).parameters:
        parsed = schema.parse([{name: row[name] for name in schema.names} for row in rows])
        found: Any = model.metrics(truth, predictions, given(type(model), Columns.of(schema, parsed)))
    else:
        found = model.metrics(truth, [schema.outcome(prediction) for prediction in predictions])
    where = f"{type(model).__name__}.metrics"
    if not isinstance(found, Mapping):
        problem = f"{where} gives {type(found).__name__}, and a dict of numbers by name is needed"
        raise SlipwayError(problem, fix="return {'cost': 0.5}, or {} where there are none")
    return {_named(name, where): _number(name, value, where) for name, value in found.items()}


def _named(name: Any, where: str) -> str:
    text = str(name)
    if not text.strip(".") or len(text) > _LONGEST_NAME or not text.isprintable():
        problem = f"{where} gives a metric named {quoted(text)}, which cannot be the name of a file"
        raise SlipwayError(problem, fix=f"name it by a word of at most {_LONGEST_NAME} characters")
    return text


def _number(name: Any, value: Any, where: str) -> float:
    try:
        if isinstance(value, str):
            raise TypeError
        return float(value)
    except (TypeError, ValueError) as error:
        problem = f"{where} gives {quoted(value)} for {str(name)!r}, and a number is needed"
        raise SlipwayError(problem, fix="give one number for each metric; several by several names") from error


def joined(known: Mapping[str, float], told: Mapping[str, float], where: str) -> dict[str, float]:
    """Return the platform's metrics and the class's own; raise `SlipwayError` where these say otherwise by one name."""
    for name in sorted(known.keys() & told.keys()):
        if not math.isclose(known[name], told[name], rel_tol=1e-6, abs_tol=1e-9) and math.isfinite(told[name]):
            problem = f"{where} gives {told[name]:.6g} for {name!r}, which is {known[name]:.6g} on the same rows"
            raise SlipwayError(problem, fix=f"give it another name: the platform measures {name} itself")
    return {**known, **{name: value for name, value in told.items() if name not in known}}


def measure(
    target: Field, truth: Sequence[Any], predictions: Sequence[Any], *, quantile: float | None = None
) -> dict[str, float]:
    """Return the metrics of a classifier (accuracy, balanced_accuracy, f1_macro) or a regression (r2, mae, rmse).

    Both sequences hold JSON values, one for each row. A target that is neither a class nor a number has no metrics, and
    without truth there are none. Each of several targets has its own: `price/r2`. A quantity of which a `quantile` is
    predicted has a pinball_loss. Source: scikit-learn's `sklearn.metrics`.
    """
    if not truth:
        return {}
    if target.parts:
        return {
            f"{part.name}/{name}": value
            for part in target.parts
            for name, value in measure(
                part, _column(truth, part), _column(predictions, part), quantile=quantile
            ).items()
        }
    from sklearn import metrics

    if target.categories:
        expected, found = list(map(str, truth)), list(map(str, predictions))
        # A class that is predicted, and that the truth lacks, has no recall.
        recalls = metrics.recall_score(expected, found, labels=sorted(set(expected)), average=None)
        return {
            "accuracy": float(metrics.accuracy_score(expected, found)),
            "balanced_accuracy": float(recalls.mean()),
            "f1_macro": float(metrics.f1_score(expected, found, average="macro", zero_division=0)),
        }
    if target.kind in ("number", "integer"):
        errors = {
            # One row does not vary, so nothing is explained.
            **({"r2": float(metrics.r2_score(truth, predictions))} if len(truth) > 1 else {}),
            "mae": float(metrics.mean_absolute_error(truth, predictions)),
            "rmse": float(metrics.root_mean_squared_error(truth, predictions)),
        }
        if quantile is not None:
            errors["pinball_loss"] = float(metrics.mean_pinball_loss(truth, predictions, alpha=quantile))
        return errors
    return {}


def _column(rows: Sequence[Any], part: Field) -> list[Any]:
    return [row[part.name] for row in rows]


def quantile_of(kind: type[Model]) -> float | None:
    """Return the quantile that the class says it predicts."""
    return kind.quantile if type(kind.quantile) is float else None


def possible(kind: type[Model], schema: Schema) -> frozenset[str] | None:
    """Return the names of the metrics that a class can have; None if its own `metrics` decides that."""
    if kind.metrics is not Model.metrics:
        return None
    targets = [(f"{target.name}/" if schema.target.parts else "", target) for target in schema.targets]
    return frozenset(f"{prefix}{name}" for prefix, target in targets for name in _names(kind, schema, target))


def _names(kind: type[Model], schema: Schema, target: Field) -> tuple[str, ...]:
    if target.categories:
        own_answers = kind.predict is not PipelineModel.predict and not schema.target.parts
        can = kind.probabilities is True or own_answers
        return (*_OF_CLASSES, *(probabilities.NAMES if can else ()))
    if target.kind in ("number", "integer"):
        return (*_OF_QUANTITIES, *(_OF_QUANTILES if quantile_of(kind) is not None else ()))
    return ()


def check_gates(gates: Mapping[str, Gate], kind: type[Model], schema: Schema) -> None:
    """Raise `SlipwayError` for a gate of a metric that the class cannot have, before it is trained for nothing.

    Raise it, too, for a class that promises probabilities or a quantile of a target that has none.
    """
    if kind.probabilities is True and not schema.target.categories:
        problem = f"{kind.__name__}.probabilities is True, and {schema.target.name} has no classes"
        raise SlipwayError(problem, fix="take it out, or say which classes there are: output = an Enum")
    if quantile_of(kind) is not None and all(target.categories for target in schema.targets):
        problem = f"{kind.__name__}.quantile is {kind.quantile}, and no number is predicted"
        raise SlipwayError(problem, fix="take it out, or say that the target is a quantity: output = float")
    known = possible(kind, schema)
    for metric in sorted(gates.keys() - known) if known is not None else ():
        raise SlipwayError(f"the gate {metric!r} has no such metric to judge", fix=_why_not(metric, kind, known or ()))


def _why_not(metric: str, kind: type[Model], known: Collection[str]) -> str:
    if metric in probabilities.NAMES and issubclass(kind, PipelineModel):
        return f"it needs probabilities of classes: write `probabilities = True` in the class {kind.__name__}"
    if metric in _OF_QUANTILES:
        return f"it needs a quantile of a number: write `quantile = 0.9` in the class {kind.__name__}"
    if not known:
        return f"there is no class and no number to measure: write `metrics` in the class {kind.__name__}"
    return nearest(metric, known)


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
