"""Two artifacts asked for the same rows, each served as its release would be."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from slipway.artifacts import Golden, differences
from slipway.artifacts.loading import REFUSED
from slipway.errors import SlipwayError
from slipway.images import bundle, clients, running

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.settings import Settings

__all__ = ["Compared", "compare", "predictions"]

_BATCH = 500

_SHOWN = 5


class Compared(NamedTuple):
    """How far predictions agree; counts are of rows."""

    rows: int
    labels: int
    """Where all that is no fractional number is equal."""
    within: int
    """Where all is equal, numbers within the tolerance."""
    numbers: int
    """Where a fractional number stands in both predictions."""
    largest: float
    """The largest difference of one."""
    tolerance: float
    refused: int
    """Which neither answers."""
    examples: list[str]
    """The first that differ, in words; rows count from 0."""


def predictions(settings: Settings, model: str, artifact: Path, scratch: Path, rows: Sequence[Any]) -> list[Any]:
    """What the artifact in a folder answers to `rows`, or `REFUSED`: served from `scratch`, in its own environment.

    Raises `SlipwayError` when it does not start or ends.
    """
    made = bundle.make_local(settings, model, artifact, scratch)
    with running.serve(made) as url:
        return [
            answer for start in range(0, len(rows), _BATCH) for answer in _ask(url, list(rows[start : start + _BATCH]))
        ]


def compare(rows: Sequence[Any], before: Sequence[Any], after: Sequence[Any], tolerance: float) -> Compared:
    """Hold the predictions `after` to those `before`, row by row, as golden predictions are held."""
    labels = within = numbers = refused = 0
    largest, examples = 0.0, []
    for at, (row, old, new) in enumerate(zip(rows, before, after, strict=True)):
        apart = _apart(old, new)
        refused += old is REFUSED and new is REFUSED
        labels += _labels(old) == _labels(new)
        numbers += bool(apart)
        largest = max([largest, *apart])
        wrong = _wrong(row, old, new, tolerance)
        within += not wrong
        examples += [text.replace("row 0", f"row {at}", 1) for text in wrong]
    return Compared(len(rows), labels, within, numbers, largest, tolerance, refused, examples[:_SHOWN])


def _ask(url: str, rows: list[Any]) -> list[Any]:
    """The answers to `rows`; a batch that is refused for one of its rows is asked in halves."""
    try:
        return clients.predict(url, rows)
    except SlipwayError:
        clients.describe(url)  # raises when it is the function that has gone
        if len(rows) == 1:
            return [REFUSED]
    middle = len(rows) // 2
    return [*_ask(url, rows[:middle]), *_ask(url, rows[middle:])]


def _wrong(row: Any, old: Any, new: Any, tolerance: float) -> list[str]:
    if REFUSED in (old, new):
        return [] if old is new else [f"row 0: expected {old!r}, found {new!r}"]
    return differences(Golden(rows=[row], predictions=[old]), [new], tolerance)


def _labels(value: Any) -> Any:
    """A prediction without its fractional numbers."""
    if isinstance(value, dict):
        return {key: _labels(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_labels(each) for each in value]
    return float if isinstance(value, float) else value


def _apart(old: Any, new: Any) -> list[float]:
    """The differences of the fractional numbers that stand in the same place of both."""
    if isinstance(old, dict) and isinstance(new, dict):
        return [each for key in old.keys() & new.keys() for each in _apart(old[key], new[key])]
    if isinstance(old, list) and isinstance(new, list):
        return [each for pair in zip(old, new, strict=False) for each in _apart(*pair)]
    return [abs(old - new)] if isinstance(old, float) and isinstance(new, float) else []
