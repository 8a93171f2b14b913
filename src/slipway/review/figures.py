"""What plots and tables are made of: answers counted against the truth."""

import math
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Errors", "confusion", "errors_by_truth", "labels", "quantiles", "recalls", "residuals", "share_alike"]


class Errors(NamedTuple):
    """Rows in order of their truth, a part of them: the truth from `low` to `high`, and the mean absolute error."""

    low: float
    high: float
    error: float


def labels(*columns: "Sequence[Any]") -> list[Any]:
    """The different values, sorted by their text."""
    found = {str(value): value for column in columns for value in column}
    return [found[text] for text in sorted(found)]


def confusion(truth: "Sequence[Any]", answers: "Sequence[Any]") -> Counter[tuple[str, str]]:
    """Rows by their (truth, answer), as text."""
    return Counter((str(one), str(other)) for one, other in zip(truth, answers, strict=True))


def recalls(truth: "Sequence[Any]", answers: "Sequence[Any]") -> dict[str, float]:
    """By class of the truth: the share of its rows that was answered right."""
    counted = confusion(truth, answers)
    totals = Counter(map(str, truth))
    return {label: counted[label, label] / total for label, total in totals.items()}


def quantiles(values: "Sequence[float]", places: "Sequence[float]") -> list[float]:
    """The values at these places (0 to 1) of the sorted ones, interpolated between neighbours."""
    ordered = sorted(values)
    found = []
    for place in places:
        at = place * (len(ordered) - 1)
        low = math.floor(at)
        high = min(low + 1, len(ordered) - 1)
        found.append(ordered[low] + (ordered[high] - ordered[low]) * (at - low))
    return found


def errors_by_truth(truth: "Sequence[float]", answers: "Sequence[float]", parts: int) -> list[Errors]:
    """The mean absolute error from the smallest truth to the largest, in parts of about as many rows each."""
    pairs = sorted(zip(truth, answers, strict=True))
    parts = max(1, min(parts, len(pairs)))
    cuts = [len(pairs) * part // parts for part in range(parts + 1)]
    groups = [pairs[low:high] for low, high in pairwise(cuts)]
    return [
        Errors(group[0][0], group[-1][0], sum(abs(found - true) for true, found in group) / len(group))
        for group in groups
    ]


def residuals(truth: "Sequence[float]", *answers: "Sequence[float]", parts: int) -> tuple[list[float], list[list[int]]]:
    """How many rows are off by how much: the middles of the bins, and the rows in them, by answers.

    Off is an answer less the truth. The bins are the same for all and symmetric about 0; the few rows that are further
    off than 99 % are in the outermost.
    """
    off = [[found - true for true, found in zip(truth, column, strict=True)] for column in answers]
    widest = quantiles([abs(value) for column in off for value in column], [0.99])[0] or 1.0
    width = 2 * widest / parts
    counts = [[0] * parts for _ in off]
    for column, counted in zip(off, counts, strict=True):
        for value in column:
            counted[min(parts - 1, max(0, int((value + widest) / width)))] += 1
    return [-widest + (place + 0.5) * width for place in range(parts)], counts


def share_alike(one: "Sequence[Any]", other: "Sequence[Any]", within: float) -> float:
    """The share of places with the same value, or with numbers that are no further than `within` from each other."""
    same = sum(_alike(mine, theirs, within) for mine, theirs in zip(one, other, strict=True))
    return same / len(one) if one else 1.0


def _alike(one: Any, other: Any, within: float) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= within
    return bool(one == other)
