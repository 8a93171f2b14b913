"""Golden predictions: pairs of input and output that every release has to reproduce."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from slipway.text import quoted

FILE = "golden.json"


class Golden(msgspec.Struct, frozen=True, kw_only=True):
    """Rows, and the trained model's answers to them, as JSON values."""

    rows: list[dict[str, Any]]
    predictions: list[Any]

    def __post_init__(self) -> None:
        if len(self.rows) != len(self.predictions):
            raise ValueError(f"{len(self.rows)} golden rows and {len(self.predictions)} predictions")


def differences(golden: Golden, predictions: Sequence[Any], tolerance: float) -> list[str]:
    """Return in words where `predictions` differ from the golden ones; rows count from 0.

    A number may be off by `tolerance`, times the expected number where that is above 1. Two integers may be off by
    `tolerance`. Everything else has to be the same, down to keys and lengths of nested values.
    """
    if len(predictions) != len(golden.predictions):
        return [f"expected {len(golden.predictions)} predictions, found {len(predictions)}"]
    pairs = enumerate(zip(golden.predictions, predictions, strict=True))
    return [text for row, pair in pairs for text in _differ(f"row {row}", *pair, tolerance)]


def _differ(where: str, expected: Any, found: Any, tolerance: float) -> Iterator[str]:
    if _is_number(expected) and _is_number(found):
        yield from _numbers_differ(where, expected, found, tolerance)
    elif isinstance(expected, dict) and isinstance(found, dict) and expected.keys() == found.keys():
        for key, value in expected.items():
            yield from _differ(f"{where}, {key}", value, found[key], tolerance)
    elif isinstance(expected, list) and isinstance(found, list) and len(expected) == len(found):
        for index, (one, other) in enumerate(zip(expected, found, strict=True)):
            yield from _differ(f"{where}, [{index}]", one, other, tolerance)
    elif type(expected) is not type(found) or expected != found:
        yield f"{where}: expected {quoted(expected, 200)}, found {quoted(found, 200)}"


def _numbers_differ(where: str, expected: float, found: float, tolerance: float) -> Iterator[str]:
    counts = isinstance(expected, int) and isinstance(found, int)
    allowed = tolerance if counts else tolerance * max(1.0, abs(expected))
    off = abs(expected - found)
    # Not `off > allowed`, which lets NaN pass.
    if not off <= allowed:
        size = f"off by {off:.6g}, " if math.isfinite(off) else ""
        yield f"{where}: expected {expected}, found {found}: {size}tolerance {allowed:g}"


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
