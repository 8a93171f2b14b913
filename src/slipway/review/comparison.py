"""A candidate compared with the running version, on the same rows, which neither was trained on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import msgspec
from msgspec import Struct, field

from slipway.errors import SlipwayError
from slipway.review.questions import Version
from slipway.review.worker import Answers, DataChange, MeasuresWanted, Rows, RowsWanted
from slipway.schema import Field
from slipway.settings import Settings
from slipway.training.metrics import unlike

__all__ = ["Comparison", "Side", "compare", "quantiles", "share_alike"]


class Side(Struct, frozen=True, kw_only=True):
    """The metrics of one version, and its answers to the rows; there are none where only its record is known."""

    metrics: dict[str, float]
    answers: list[Any] = field(default_factory=list)


class Comparison(Struct, frozen=True, kw_only=True):
    """The candidate, and the running version as `before`, which is None when nothing runs."""

    target: Field
    candidate: Side
    before: Side | None = None
    truth: list[Any] = field(default_factory=list)
    """Of the measured rows; empty where the metrics come from the records."""
    total: int = 0
    """Rows of the data, seen and unseen."""
    unlike: str = ""
    """Why the two were not measured on the same rows."""
    notes: list[str] = field(default_factory=list)
    data: DataChange | None = None

    @property
    def then(self) -> list[Any] | None:
        """Return the running version's answers to the same rows; None without such answers."""
        return self.before.answers if self.before and self.before.answers else None

    @property
    def near(self) -> float:
        """Return how far two quantities may differ and count as alike: 1/20 of the middle 80 % of the truth."""
        if self.target.categories or self.target.kind not in ("number", "integer") or not self.truth:
            return 0.0
        low, high = quantiles(self.truth, [0.1, 0.9])
        return (high - low) / 20

    @property
    def alike(self) -> float | None:
        """Return the share of rows on which both answer the same (see `near`); None unless both answered."""
        return share_alike(self.candidate.answers, self.then, self.near) if self.then else None


def compare(settings: Settings, candidate: Version, before: Version | None) -> Comparison:
    """Measure both versions on the unseen rows of the candidate's data, each in its own process.

    Where that is not possible, `unlike` says why, and the records give the metrics. Raise `SlipwayError` only when the
    candidate's artifact has no schema.
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
    if found := unlike(candidate.schema.target, before.schema.target):
        raise SlipwayError(f"{before.record.id} predicts {found[1]}, and the candidate {found[0]}")
    rows = _rows(settings, candidate, before, [candidate.split, before.split])
    if rows.missing:
        names = ", ".join(map(repr, rows.missing))
        raise SlipwayError(f"the candidate's data has no column {names}, which {before.record.id} needs")
    if not rows.rows:
        raise SlipwayError(f"none of the {rows.total} rows of the candidate's data is unseen by both")
    theirs, ours = before.answers(settings, rows.rows), candidate.answers(settings, rows.rows)
    truth, now, then = _answered(rows, ours, theirs)
    if not truth:
        raise SlipwayError(f"{before.record.id} refuses every row of the candidate's data: {theirs.why or ours.why}")
    measured = candidate.measures(settings, MeasuresWanted(truth=truth, answers=[now, then]))
    notes = _notes(rows)
    if theirs.refused:
        notes.append(f"{before.record.id} refuses {len(theirs.refused)} further rows ({theirs.why})")
    if measured.lacking:
        notes.append(f"the model's own metrics fail: {measured.lacking}")
    return Comparison(
        target=candidate.schema.target,
        candidate=Side(metrics=measured.metrics[0], answers=now),
        before=Side(metrics=measured.metrics[1], answers=then),
        truth=truth,
        total=rows.total,
        notes=notes,
        data=rows.change,
    )


def _alone(settings: Settings, candidate: Version, before: Version | None, recorded: Comparison) -> Comparison:
    """Measure the candidate on its own unseen rows; keep what is recorded where even that fails."""
    try:
        rows = _rows(settings, candidate, before, [candidate.split])
        if not rows.rows:
            raise SlipwayError(f"none of the {rows.total} rows of its data was held out")
        truth, now = _answered(rows, candidate.answers(settings, rows.rows))
        measured = candidate.measures(settings, MeasuresWanted(truth=truth, answers=[now]))
    except SlipwayError as error:
        notes = [] if error.problem == recorded.unlike else [error.problem]
        return msgspec.structs.replace(recorded, notes=[*recorded.notes, *notes])
    return msgspec.structs.replace(
        recorded,
        candidate=Side(metrics=measured.metrics[0], answers=now),
        truth=truth,
        total=rows.total,
        notes=[*recorded.notes, *_notes(rows)],
        data=rows.change,
    )


def _answered(rows: Rows, *answers: Answers) -> list[list[Any]]:
    """Return the truth and each version's answers, for the rows that no version refused."""
    refused = {place for each in answers for place in each.refused}
    places = [place for place in range(len(rows.rows)) if place not in refused]
    return [[column[place] for place in places] for column in (rows.truth, *(each.outcomes for each in answers))]


def _rows(settings: Settings, candidate: Version, before: Version | None, splits: list[Any]) -> Rows:
    if candidate.data is None:
        raise SlipwayError(f"{candidate.record.id} has no snapshot of its data")
    wanted = RowsWanted(data=str(candidate.data), splits=splits, earlier=_earlier(candidate, before))
    return candidate.rows(settings, wanted)


def _earlier(candidate: Version, before: Version | None) -> str | None:
    """Return the running version's data where they are known and differ from the candidate's."""
    ours, theirs = (version.record.data if version else None for version in (candidate, before))
    if before is None or before.data is None or ours is None or theirs is None or ours.sha256 == theirs.sha256:
        return None
    return str(before.data)


def _notes(rows: Rows) -> list[str]:
    notes = []
    if len(rows.rows) < rows.unseen:
        notes.append(f"measured on {len(rows.rows)} of {rows.unseen} unseen rows, taken evenly")
    if rows.unchanged:
        notes.append(f"the data of both cannot be compared: {rows.unchanged}")
    return notes


def quantiles(values: Sequence[float], places: Sequence[float]) -> list[float]:
    """Return the values at these places (0 to 1) of the sorted values, interpolated between neighbours."""
    ordered = sorted(values)
    found = []
    for place in places:
        at = place * (len(ordered) - 1)
        low = math.floor(at)
        high = min(low + 1, len(ordered) - 1)
        found.append(ordered[low] + (ordered[high] - ordered[low]) * (at - low))
    return found


def share_alike(one: Sequence[Any], other: Sequence[Any], within: float) -> float:
    """Return the share of places with equal values, or with numbers no further than `within` apart."""
    same = sum(_is_alike(mine, theirs, within) for mine, theirs in zip(one, other, strict=True))
    return same / len(one) if one else 1.0


def _is_alike(one: Any, other: Any, within: float) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return abs(one - other) <= within
    return bool(one == other)
