"""Predictions of two artifacts for the same rows, each served as its release is."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from slipway.artifacts import Golden, differences
from slipway.artifacts.loading import REFUSED
from slipway.errors import SlipwayError
from slipway.images import bundle, clients, running
from slipway.settings import Settings
from slipway.settings.types import secrets_for

_BATCH = 500

_SHOWN = 5


class Compared(NamedTuple):
    """The agreement of predictions, in numbers of rows."""

    rows: int
    labels: int
    """Rows whose labels are equal: everything but fractional numbers."""
    within: int
    """Rows where everything is equal, numbers within the tolerance."""
    numbers: int
    """Rows with a fractional number in both predictions."""
    largest: float
    """The largest difference between two such numbers."""
    tolerance: float
    refused: int
    """Rows that neither answers."""
    examples: list[str]
    """The first differences in words; rows count from 0."""


def predictions(settings: Settings, model: str, artifact: Path, scratch: Path, rows: Sequence[Any]) -> list[Any]:
    """Serve an artifact from `scratch` in its own environment; return its answer to each row, or `REFUSED`.

    Raise `SlipwayError` when it does not start, or ends.
    """
    made = bundle.make_local(settings, model, artifact, scratch)
    with running.serve(made, secrets_for(settings.model(model).secrets, "serving")) as url:
        return [
            answer for start in range(0, len(rows), _BATCH) for answer in _ask(url, list(rows[start : start + _BATCH]))
        ]


def compare(rows: Sequence[Any], before: Sequence[Any], after: Sequence[Any], tolerance: float) -> Compared:
    """Compare predictions row by row, as golden predictions are compared."""
    labels = within = numbers = refused = 0
    largest, examples = 0.0, []
    for at, (row, old, new) in enumerate(zip(rows, before, after, strict=True)):
        distances = apart(old, new, (float,))
        refused += old is REFUSED and new is REFUSED
        labels += _labels(old) == _labels(new)
        numbers += bool(distances)
        largest = max([largest, *distances])
        wrong = _wrong(row, old, new, tolerance)
        within += not wrong
        examples += [text.replace("row 0", f"row {at}", 1) for text in wrong]
    return Compared(len(rows), labels, within, numbers, largest, tolerance, refused, examples[:_SHOWN])


def apart(old: Any, new: Any, kinds: tuple[type, ...]) -> list[float]:
    """Return the differences of numbers of these kinds that stand in the same place of both."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [each for key in old.keys() & new.keys() for each in apart(old[key], new[key], kinds)]
    if isinstance(old, list) and isinstance(new, list):
        return [each for one, other in zip(old, new, strict=False) for each in apart(one, other, kinds)]
    return [abs(float(old) - float(new))] if type(old) in kinds and type(new) in kinds else []


def _ask(url: str, rows: list[Any]) -> list[Any]:
    """Return the answers to `rows`; ask in halves when one of them is refused."""
    try:
        return clients.predict(url, rows)
    except SlipwayError:
        clients.describe(url)  # raises when the function has ended
        if len(rows) == 1:
            return [REFUSED]
    middle = len(rows) // 2
    return [*_ask(url, rows[:middle]), *_ask(url, rows[middle:])]


def _wrong(row: Any, old: Any, new: Any, tolerance: float) -> list[str]:
    if REFUSED in (old, new):
        return [] if old is new else [f"row 0: expected {old!r}, found {new!r}"]
    return differences(Golden(rows=[row], predictions=[old]), [new], tolerance)


def _labels(value: Any) -> Any:
    """Return a prediction without its fractional numbers."""
    if isinstance(value, dict):
        return {key: _labels(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_labels(each) for each in value]
    return float if isinstance(value, float) else value
