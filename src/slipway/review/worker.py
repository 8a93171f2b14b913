"""What is asked of a version in a process of its own, where its code and its libraries meet no others.

The model's own code runs here. Question and answer are of a type each, and JSON on the way.
"""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from slipway.artifacts.loading import REFUSED, Loaded, each, load
from slipway.model import InputError
from slipway.schema import InvalidRows

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Answers",
    "AnswersWanted",
    "DataChange",
    "Measures",
    "MeasuresWanted",
    "Rows",
    "RowsWanted",
    "Split",
    "answered",
]

MOST_ROWS = 20_000
"""Of more unseen rows than these every n-th is taken."""

_QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
_MOST_VALUES = 100


class Split(Struct, frozen=True, kw_only=True):
    """How a version's rows were held out: over which columns, and how large the share was."""

    columns: list[str]
    share: float


class RowsWanted(Struct, frozen=True, kw_only=True):
    """Which rows are wanted: those of `data` that every split held out."""

    data: str
    splits: list[Split]
    earlier: str | None = None
    """The data of another version, to say what changed in it."""


class DataChange(Struct, frozen=True, kw_only=True):
    """What differs between two data sets, over the columns that both have."""

    rows_before: int
    rows: int
    added: int
    gone: int
    columns_added: list[str]
    columns_gone: list[str]
    before: dict[str, float]
    """Of the target: rows by value, or its value by quantile."""
    after: dict[str, float]


class Rows(Struct, frozen=True, kw_only=True):
    """The wanted rows, with all their columns, and the truth of each as JSON has it."""

    rows: list[dict[str, Any]]
    truth: list[Any]
    unseen: int
    """How many there are; `rows` may be fewer."""
    total: int
    missing: list[str]
    """Columns of a split that the data has not; there are no rows then."""
    change: DataChange | None = None
    unchanged: str = ""
    """Why nothing can be said of the change of the data."""


class AnswersWanted(Struct, frozen=True):
    """Rows with the fields that the version's schema has."""

    rows: list[dict[str, Any]]


class Answers(Struct, frozen=True, kw_only=True):
    """The target's value in each prediction; None, too, for the places in `refused`."""

    outcomes: list[Any]
    refused: list[int]
    why: str = ""
    """Why the first of them was refused."""


class MeasuresWanted(Struct, frozen=True, kw_only=True):
    """Answers of several versions to the same rows."""

    truth: list[Any]
    answers: list[list[Any]]


class Measures(Struct, frozen=True, kw_only=True):
    """The metrics of each of them, and why those of the model's own are missing."""

    metrics: list[dict[str, float]]
    lacking: str = ""


def answered(question: str, artifact: Path, wanted: Any) -> Any:
    """What the version whose artifact is in a folder says to `rows`, `answers` or `measures`, as JSON has it."""
    asked, type_ = _QUESTIONS[question]
    return asked(load(artifact), msgspec.convert(wanted, type_))


def rows(loaded: Loaded, wanted: RowsWanted) -> Rows:
    """The rows of the data that no version was trained on."""
    from slipway.artifacts.answers import to_json
    from slipway.models.rows import held_out, plain, records

    data = loaded.model.read(Path(wanted.data)).reset_index(drop=True)
    missing = sorted({name for split in wanted.splits for name in split.columns} - set(map(str, data.columns)))
    change, unchanged = _change(loaded, wanted, data)
    taken = data.iloc[:0]
    unseen = 0
    if not missing:
        mask = ~data.index.isin([])
        for split in wanted.splits:
            mask &= held_out(data, split.columns, split.share)
        unseen = int(mask.sum())
        taken = data[mask].iloc[:: -(-unseen // MOST_ROWS) or 1]
    target = loaded.schema.target
    columns = sorted({name for split in wanted.splits for name in split.columns})
    truth = [loaded.model.outcome(plain(value)) for value in taken[target.name].tolist()]
    return Rows(
        rows=[] if missing else records(taken, columns),
        truth=to_json(truth, len(taken), target),
        unseen=unseen,
        total=len(data),
        missing=missing,
        change=change,
        unchanged=unchanged,
    )


def answers(loaded: Loaded, wanted: AnswersWanted) -> Answers:
    """What the version predicts; rows that it refuses are passed over."""
    fine, unfit = _fitting(loaded, wanted.rows)
    found = dict(zip(fine, each(loaded, [wanted.rows[place] for place in fine]), strict=True))
    refused = [place for place, answer in found.items() if answer is REFUSED]
    why = next(iter(unfit.values()), "") or next((_why(loaded, wanted.rows[place]) for place in refused), "")
    outcomes = {place: _outcome(loaded, answer) for place, answer in found.items() if answer is not REFUSED}
    return Answers(
        outcomes=[outcomes.get(place) for place in range(len(wanted.rows))], refused=sorted([*unfit, *refused]), why=why
    )


def measures(loaded: Loaded, wanted: MeasuresWanted) -> Measures:
    """How good answers are, by the usual metrics and by this version's own."""
    from slipway.training.metrics import measure

    usual = [measure(loaded.schema.target, wanted.truth, found) for found in wanted.answers]
    try:
        own = [loaded.model.metrics(wanted.truth, found) for found in wanted.answers]
    except Exception as error:  # noqa: BLE001 - the model's code
        return Measures(metrics=usual, lacking=f"{type(error).__name__}: {error}")
    return Measures(
        metrics=[
            metrics | {str(name): float(value) for name, value in more.items() if math.isfinite(value)}
            for metrics, more in zip(usual, own, strict=True)
        ]
    )


def _fitting(loaded: Loaded, rows: list[dict[str, Any]]) -> tuple[list[int], dict[int, str]]:
    """Places of the rows that fit the schema, and why the others do not."""
    fine, refused = [], {}
    for place, row in enumerate(rows):
        try:
            loaded.schema.parse([row])
            fine.append(place)
        except InvalidRows as error:
            problem = error.problems[0]
            refused[place] = f"{problem.field}: {problem.message}"
    return fine, refused


def _why(loaded: Loaded, row: dict[str, Any]) -> str:
    """What the model says to a row that it refuses."""
    try:
        loaded.answer([row])
    except InputError as error:
        return str(error)
    return ""


def _outcome(loaded: Loaded, answer: Any) -> Any:
    return answer.get(loaded.schema.target.name) if isinstance(answer, dict) else answer


def _change(loaded: Loaded, wanted: RowsWanted, after: pd.DataFrame) -> tuple[DataChange | None, str]:
    if wanted.earlier is None:
        return None, ""
    from slipway.models.rows import hashes

    target = loaded.schema.target.name
    try:
        before = loaded.model.read(Path(wanted.earlier))
        both = [name for name in (*loaded.schema.names, target) if name in before.columns and name in after.columns]
        old, new = Counter(hashes(before, both)), Counter(hashes(after, both))
        quantity = loaded.schema.target.kind in ("number", "integer") and not loaded.schema.target.categories
        spread = _quantiles if quantity else _counts
        return DataChange(
            rows_before=len(before),
            rows=len(after),
            added=(new - old).total(),
            gone=(old - new).total(),
            columns_added=sorted(set(map(str, after.columns)) - set(map(str, before.columns))),
            columns_gone=sorted(set(map(str, before.columns)) - set(map(str, after.columns))),
            before=spread(before[target]),
            after=spread(after[target]),
        ), ""
    except Exception as error:  # noqa: BLE001 - the model's code reads data that it was not written for
        return None, f"{type(error).__name__}: {error}"


def _counts(column: pd.Series[Any]) -> dict[str, float]:
    from slipway.models.rows import plain

    counted = Counter(str(plain(value)) for value in column.tolist())
    return {value: float(number) for value, number in counted.most_common(_MOST_VALUES)}


def _quantiles(column: pd.Series[Any]) -> dict[str, float]:
    return {f"{place * 100:g} %": float(column.quantile(place)) for place in _QUANTILES}


_QUESTIONS: dict[str, tuple[Any, Any]] = {
    "rows": (rows, RowsWanted),
    "answers": (answers, AnswersWanted),
    "measures": (measures, MeasuresWanted),
}
