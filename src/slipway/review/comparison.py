"""A candidate and what runs now, compared on the same rows, which neither was trained on."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec import Struct, field

from slipway.errors import SlipwayError
from slipway.review.worker import DataChange, MeasuresWanted, Rows, RowsWanted
from slipway.schema import Field
from slipway.training.metrics import unlike

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.review.questions import Version
    from slipway.review.worker import Answers
    from slipway.settings import Settings

__all__ = [
    "Comparison",
    "Errors",
    "Side",
    "compare",
    "confusion",
    "errors_by_truth",
    "labels",
    "quantiles",
    "recalls",
    "residuals",
    "share_alike",
]


class Side(Struct, frozen=True, kw_only=True):
    """How good one version is; `answers` are to the rows of the comparison, none where only its record is known."""

    metrics: dict[str, float]
    answers: list[Any] = field(default_factory=list)


class Comparison(Struct, frozen=True, kw_only=True):
    """What is known of how good the candidate is, and what runs now; `before` is None when nothing runs."""

    target: Field
    candidate: Side
    before: Side | None = None
    truth: list[Any] = field(default_factory=list)
    """Of the rows that were measured on; none where the metrics are those that were recorded."""
    total: int = 0
    """Rows of the data, seen and unseen."""
    unlike: str = ""
    """Why the two were not measured on the same rows; empty where they were, or nothing runs."""
    notes: list[str] = field(default_factory=list)
    data: DataChange | None = None

    @property
    def then(self) -> list[Any] | None:
        """What runs now, answering the same rows; None unless it could, and nothing was in the way."""
        return self.before.answers if self.before and self.before.answers else None

    @property
    def near(self) -> float:
        """How far two quantities may be apart and still count as the same: a twentieth of where most truth lies."""
        if self.target.categories or self.target.kind not in ("number", "integer") or not self.truth:
            return 0.0
        low, high = quantiles(self.truth, [0.1, 0.9])
        return (high - low) / 20

    @property
    def alike(self) -> float | None:
        """The share of rows on which both answer the same (see `near`); None unless both answered."""
        return share_alike(self.candidate.answers, self.then, self.near) if self.then else None


def compare(settings: Settings, candidate: Version, before: Version | None) -> Comparison:
    """Measure both on the rows of the candidate's data that neither was trained on, each in its own process.

    Where that cannot be, `unlike` says why, and what is left is what the records say. Raises `SlipwayError` only when
    the candidate's artifact has no schema.
    """
    recorded = Comparison(
        target=candidate.schema.target,
        candidate=Side(metrics=dict(candidate.record.metrics)),
        before=Side(metrics=dict(before.record.metrics)) if before else None,
    )
    if before is None:
        return _alone(settings, candidate, None, recorded)
    try:
        return _both(settings, candidate, before)
    except SlipwayError as error:
        return _alone(settings, candidate, before, msgspec.structs.replace(recorded, unlike=error.problem))


def _both(settings: Settings, candidate: Version, before: Version) -> Comparison:
    _check_targets(candidate, before)
    found = _rows(settings, candidate, before, [candidate.split, before.split])
    if found.missing:
        problem = (
            f"the candidate's data has no column {', '.join(map(repr, found.missing))}, which {before.record.id} needs"
        )
        raise SlipwayError(problem)
    if not found.rows:
        raise SlipwayError(f"none of the {found.total} rows of the candidate's data is unseen by both")
    theirs, ours = before.answers(settings, found.rows), candidate.answers(settings, found.rows)
    truth, now, then = _answered(found, ours, theirs)
    if not truth:
        raise SlipwayError(f"{before.record.id} refuses every row of the candidate's data: {theirs.why or ours.why}")
    measured = candidate.measures(settings, MeasuresWanted(truth=truth, answers=[now, then]))
    notes = _notes(found)
    if theirs.refused:
        notes.append(f"{before.record.id} refuses {len(theirs.refused)} further rows ({theirs.why})")
    if measured.lacking:
        notes.append(f"the model's own metrics fail: {measured.lacking}")
    return Comparison(
        target=candidate.schema.target,
        candidate=Side(metrics=measured.metrics[0], answers=now),
        before=Side(metrics=measured.metrics[1], answers=then),
        truth=truth,
        total=found.total,
        notes=notes,
        data=found.change,
    )


def _alone(settings: Settings, candidate: Version, before: Version | None, recorded: Comparison) -> Comparison:
    """The candidate on its own unseen rows; as recorded where even that cannot be."""
    try:
        found = _rows(settings, candidate, before, [candidate.split])
        if not found.rows:
            raise SlipwayError(f"none of the {found.total} rows of its data was held out")
        ours = candidate.answers(settings, found.rows)
        truth, now = _answered(found, ours)
        measured = candidate.measures(settings, MeasuresWanted(truth=truth, answers=[now]))
    except SlipwayError as error:
        notes = [] if error.problem == recorded.unlike else [error.problem]
        return msgspec.structs.replace(recorded, notes=[*recorded.notes, *notes])
    return msgspec.structs.replace(
        recorded,
        candidate=Side(metrics=measured.metrics[0], answers=now),
        truth=truth,
        total=found.total,
        notes=[*recorded.notes, *_notes(found)],
        data=found.change,
    )


def _answered(found: Rows, *answers: Answers) -> list[list[Any]]:
    """The truth, and what each answered, of the rows that none refused."""
    refused = {place for each in answers for place in each.refused}
    places = [place for place in range(len(found.rows)) if place not in refused]
    return [[column[place] for place in places] for column in (found.truth, *(each.outcomes for each in answers))]


def _check_targets(candidate: Version, before: Version) -> None:
    found = unlike(candidate.schema.target, before.schema.target)
    if found:
        ours, theirs = found
        raise SlipwayError(f"{before.record.id} predicts {theirs}, and the candidate {ours}")


def _rows(settings: Settings, candidate: Version, before: Version | None, splits: list[Any]) -> Rows:
    if candidate.data is None:
        raise SlipwayError(f"{candidate.record.id} has no snapshot of its data")
    wanted = RowsWanted(data=str(candidate.data), splits=splits, earlier=_earlier(candidate, before))
    return candidate.rows(settings, wanted)


def _earlier(candidate: Version, before: Version | None) -> str | None:
    """The data of what runs now, where they are known and others."""
    ours, theirs = (version.record.data if version else None for version in (candidate, before))
    if before is None or before.data is None or ours is None or theirs is None or ours.sha256 == theirs.sha256:
        return None
    return str(before.data)


def _notes(found: Rows) -> list[str]:
    notes = []
    if len(found.rows) < found.unseen:
        notes.append(f"measured on {len(found.rows)} of {found.unseen} unseen rows, taken evenly")
    if found.unchanged:
        notes.append(f"the data of both cannot be compared: {found.unchanged}")
    return notes


class Errors(NamedTuple):
    """Rows in order of their truth, a part of them: the truth from `low` to `high`, and the mean absolute error."""

    low: float
    high: float
    error: float


def labels(*columns: Sequence[Any]) -> list[Any]:
    """The different values, sorted by their text."""
    found = {str(value): value for column in columns for value in column}
    return [found[text] for text in sorted(found)]


def confusion(truth: Sequence[Any], answers: Sequence[Any]) -> Counter[tuple[str, str]]:
    """Rows by their (truth, answer), as text."""
    return Counter((str(one), str(other)) for one, other in zip(truth, answers, strict=True))


def recalls(truth: Sequence[Any], answers: Sequence[Any]) -> dict[str, float]:
    """By class of the truth: the share of its rows that was answered right."""
    counted = confusion(truth, answers)
    totals = Counter(map(str, truth))
    return {label: counted[label, label] / total for label, total in totals.items()}


def quantiles(values: Sequence[float], places: Sequence[float]) -> list[float]:
    """The values at these places (0 to 1) of the sorted ones, interpolated between neighbours."""
    ordered = sorted(values)
    found = []
    for place in places:
        at = place * (len(ordered) - 1)
        low = math.floor(at)
        high = min(low + 1, len(ordered) - 1)
        found.append(ordered[low] + (ordered[high] - ordered[low]) * (at - low))
    return found


def errors_by_truth(truth: Sequence[float], answers: Sequence[float], parts: int) -> list[Errors]:
    """The mean absolute error from the smallest truth to the largest, in parts of about as many rows each."""
    pairs = sorted(zip(truth, answers, strict=True))
    parts = max(1, min(parts, len(pairs)))
    cuts = [len(pairs) * part // parts for part in range(parts + 1)]
    groups = [pairs[low:high] for low, high in pairwise(cuts)]
    return [
        Errors(group[0][0], group[-1][0], sum(abs(found - true) for true, found in group) / len(group))
        for group in groups
    ]


def residuals(truth: Sequence[float], *answers: Sequence[float], parts: int) -> tuple[list[float], list[list[int]]]:
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


def share_alike(one: Sequence[Any], other: Sequence[Any], within: float) -> float:
    """The share of places with the same value, or with numbers that are no further than `within` from each other."""
    same = sum(_alike(mine, theirs, within) for mine, theirs in zip(one, other, strict=True))
    return same / len(one) if one else 1.0


def _alike(one: Any, other: Any, within: float) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= within
    return bool(one == other)
