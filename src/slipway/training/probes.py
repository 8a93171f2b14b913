"""Rows beyond the data that a caller may send: in each, one field has another value that the schema allows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from slipway.schema import Field, Schema

_UNSEEN = "a text that no row has"
_SAMPLES = 8
_MOST = 10_000
_LEAST_PER_FIELD = 7

Row = dict[str, Any]


def single(schema: Schema, rows: Sequence[Mapping[str, Any]]) -> Iterator[Row]:
    """Yield rows with another category, an unseen text or nothing in one field, to ask one by one."""
    values = ((field.name, value) for field in schema.fields for value in _kinds(field))
    for at, (name, value) in enumerate(values):
        yield {**rows[at % len(rows)], name: value}


def beyond(schema: Schema, rows: Sequence[Mapping[str, Any]]) -> list[Row]:
    """Return rows with a number beyond the data, with zeros only, and with nothing in any optional field."""
    numbers = [field for field in schema.fields if field.kind in ("number", "integer") and not field.categories]
    most = max(_LEAST_PER_FIELD, _MOST // max(1, len(numbers)))
    found: list[Row] = []
    for field in numbers:
        seen = [row[field.name] for row in rows if row.get(field.name) is not None]
        for value in islice(_allowed(field, _numbers(seen)), most):
            found.append({**rows[len(found) % len(rows)], field.name: value})
    zeros = {field.name: zero for field in numbers for zero in islice(_allowed(field, iter((0.0,))), 1)}
    nothing = dict.fromkeys(schema.optional)
    several = [zeros, nothing, zeros | nothing] if zeros and nothing else [zeros or nothing]
    return found + [{**rows[0], **changed} for changed in several if changed]


def _kinds(field: Field) -> Iterator[Any]:
    yield from field.categories or {"boolean": (False, True), "string": (_UNSEEN,)}.get(field.kind, ())
    if field.optional:
        yield None


def _numbers(seen: Sequence[float]) -> Iterator[float]:
    """Yield about thirty numbers: zeros, beyond the lowest and the highest, and beside some of those in the data."""
    yield from (0.0, -0.0)
    values = sorted({float(value) for value in seen if math.isfinite(value)})
    if not values:
        return
    low, high = values[0], values[-1]
    yield from (low - 1, high + 1, 10 * high, -10 * high, 10 * low)
    for place in sorted({at * (len(values) - 1) // (_SAMPLES - 1) for at in range(_SAMPLES)}):
        value = values[place]
        yield from (value + 1, value - 1, value + 0.5)


def _allowed(field: Field, values: Iterator[float]) -> Iterator[Any]:
    for value in values:
        try:
            yield field.parse(value)
        except ValueError:
            continue
