"""Asking a model for all that may show a difference: every row, and what a caller may send beside."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

from slipway.artifacts.loading import REFUSED, Loaded, each
from slipway.images.comparison import compare as compare_rows
from slipway.schema import Field, Schema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Answers", "Asked", "Compared", "answers", "asked", "compare"]

_ALONE = 20
_PROBES = 300
_UNSEEN = "a text that no row has"


class Asked(NamedTuple):
    """All rows of the data, and single ones: some of them once more, and some with one value that the schema allows."""

    rows: list[dict[str, Any]]
    alone: list[dict[str, Any]]


class Answers(NamedTuple):
    """What the model answers to `Asked`, or `REFUSED`."""

    asked: Asked
    rows: list[Any]
    alone: list[Any]


class Compared(NamedTuple):
    """The largest difference of fractional numbers in the answers, and the first answer that is another, in words."""

    largest: float
    apart: str


def asked(schema: Schema, rows: Sequence[Mapping[str, Any]]) -> Asked:
    """What to ask a model with this schema; `rows` are those of the data, one at least."""
    all_ = [dict(row) for row in rows]
    varied = (
        {**all_[at % len(all_)], field.name: value}
        for at, (field, value) in enumerate((field, value) for field in schema.fields for value in _values(field))
    )
    return Asked(all_, [*all_[:_ALONE], *islice(varied, _PROBES)])


def answers(loaded: Loaded, asked: Asked) -> Answers:
    """What the model answers. A single row may fail, a row of the data may be refused by the model as impossible.

    Raises whatever else the model's own code does on the rows of the data.
    """
    return Answers(asked, each(loaded, asked.rows), [_alone(loaded, row) for row in asked.alone])


def compare(before: Answers, after: Answers, tolerance: float) -> Compared:
    """Hold answers to those before: all that is no fractional number has to be equal, those within the tolerance."""
    all_ = compare_rows(before.asked.rows, before.rows, after.rows, tolerance)
    alone = compare_rows(before.asked.alone, before.alone, after.alone, tolerance)
    for found, where in ((all_, "rows"), (alone, "single rows")):
        same = min(found.within, found.labels)
        if same < found.rows:
            example = f": {found.examples[0]}" if found.examples else ""
            return Compared(
                found.largest, f"{found.rows - same} of {found.rows} {where} are answered otherwise{example}"
            )
    return Compared(max(all_.largest, alone.largest), "")


def _values(field: Field) -> Iterator[Any]:
    yield from field.categories
    if field.kind == "boolean" and not field.categories:
        yield from (False, True)
    if field.kind == "string" and not field.categories:
        yield _UNSEEN
    if field.optional:
        yield None


def _alone(loaded: Loaded, row: dict[str, Any]) -> Any:
    try:
        (answer,) = loaded.answer([row])
    except Exception:  # noqa: BLE001 - that it fails is what is compared
        return REFUSED
    return answer
