"""Metrics of the probabilities that a classifier gives beside its labels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from slipway.errors import SlipwayError
from slipway.schema import Field

NAMES = ("roc_auc", "average_precision", "log_loss", "brier")
_KEY = "probabilities"
# Numbers of float32 do not add up to exactly 1.
_SLACK = 1e-4
_LEAST = 2.0**-52


def table(target: Field, predictions: Sequence[Any], *, declared: bool = False) -> list[list[float]] | None:
    """Return the probability of each class in each prediction: `{"kind": "a", "probabilities": {"a": 0.9, "b": 0.1}}`.

    Return None unless every prediction gives one of each class, and they add up to 1. Where the class has `declared`
    that it gives them, raise `SlipwayError` instead.
    """
    names = [str(name) for name in target.categories]
    given = [each.get(_KEY) if isinstance(each, Mapping) else None for each in predictions]
    if not names or not given:
        return None
    for row, each in enumerate(given):
        if not isinstance(each, Mapping) or not _is_whole(each, names):
            if declared:
                problem = f"prediction {row} has no {_KEY} of {', '.join(names)} that add up to 1: {each!r}"
                raise SlipwayError(problem, fix=f"give {{{target.name!r}: …, {_KEY!r}: {{{names[0]!r}: 0.9, …}}}}")
            return None
    return [[float(each[name]) for name in names] for each in given if each is not None]


def _is_whole(given: Mapping[str, Any], names: Sequence[str]) -> bool:
    values = list(given.values())
    numbers = all(type(value) in (int, float) and -_SLACK <= value <= 1 + _SLACK for value in values)
    return given.keys() == set(names) and numbers and abs(sum(values) - 1) < _SLACK


def measure(target: Field, truth: Sequence[Any], found: Sequence[Sequence[float]]) -> dict[str, float]:
    """Return the metrics of probabilities, which `table` gives.

    Of two classes, the last one in the schema is the positive one. Of more, `roc_auc` and `average_precision` are means
    over the classes, each against the others; classes that the truth lacks do not count. Where the truth has only one
    class, these two are left out.
    """
    names = [str(name) for name in target.categories]
    right = [names.index(str(value)) for value in truth]
    pairs = list(zip(right, found, strict=True))
    halves = 0.5 if len(names) == 2 else 1.0
    squares = (sum((p - (place == at)) ** 2 for place, p in enumerate(row)) for at, row in pairs)
    logs = (math.log(min(max(row[at] / sum(row), _LEAST), 1.0)) for at, row in pairs)
    return {
        **_ranking(right, found, range(1, 2) if len(names) == 2 else range(len(names))),
        "log_loss": -sum(logs) / len(pairs),
        "brier": halves * sum(squares) / len(pairs),
    }


def _ranking(right: Sequence[int], found: Sequence[Sequence[float]], classes: Sequence[int]) -> dict[str, float]:
    from sklearn import metrics

    ours = [place for place in classes if 0 < right.count(place) < len(right)]
    if not ours:
        return {}
    columns = [([at == place for at in right], [row[place] for row in found]) for place in ours]
    return {
        "roc_auc": sum(float(metrics.roc_auc_score(*each)) for each in columns) / len(columns),
        "average_precision": sum(float(metrics.average_precision_score(*each)) for each in columns) / len(columns),
    }
