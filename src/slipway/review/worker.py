"""The process in which a version's own code answers questions, apart from the code and libraries of other versions.

`slipway.processes` calls `answer` here. It imports only what a version's locked environment has.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from slipway.artifacts.loading import REFUSED, Loaded, load
from slipway.artifacts.values import to_json
from slipway.model import InputError
from slipway.models.splits import Split
from slipway.schema import Field, InvalidRows
from slipway.training.unseen import Unseen

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 20_000
"""Of more unseen rows than these every n-th is taken."""

QUANTILES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
_MOST_VALUES = 100


class HeldOut(Struct, frozen=True, kw_only=True):
    """The rows that a version held out."""

    columns: list[str]
    """The columns of its schema."""
    split: Split
    unseen: Unseen | None = None
    """The rows themselves, where the version's own class chose them."""


class RowsWanted(Struct, frozen=True, kw_only=True, tag="rows"):
    """Ask for the rows of `data` that every split held out."""

    data: str
    splits: list[HeldOut]
    earlier: str | None = None
    """The data of another version, to compare with."""


class DataChange(Struct, frozen=True, kw_only=True):
    """The difference between two data sets, over the columns that both have."""

    added: int
    gone: int
    columns_added: list[str]
    columns_gone: list[str]
    before: dict[str, float]
    """Of the target: rows by value, or its value by quantile."""
    after: dict[str, float]


class Rows(Struct, frozen=True, kw_only=True):
    """Rows with all their columns, and the truth of each as JSON has it."""

    rows: list[dict[str, Any]]
    truth: list[Any]
    unseen: int
    """The number of rows that every split held out; `rows` may be fewer."""
    total: int
    missing: list[str]
    """Columns of a split that the data lacks; then there are no rows."""
    change: DataChange | str | None
    """The difference to the earlier data, or the reason why they cannot be compared."""


class AnswersWanted(Struct, frozen=True, tag="answers"):
    """Ask for predictions; the rows have the fields of the version's schema."""

    rows: list[dict[str, Any]]


class Answers(Struct, frozen=True, kw_only=True):
    """The target's value in each prediction; None for the places in `refused`."""

    outcomes: list[Any]
    predictions: list[Any]
    """All that `predict` gave."""
    refused: list[int]
    why: str = ""
    """Why the first of them was refused."""


class MeasuresWanted(Struct, frozen=True, kw_only=True, tag="measures"):
    """Ask how good the answers of several versions to the same rows are."""

    truth: list[Any]
    answers: list[list[Any]]
    """All that `predict` of each version gave."""
    rows: list[dict[str, Any]]


class Measures(Struct, frozen=True, kw_only=True):
    """The metrics of each version, and why the model's own metrics are missing."""

    metrics: list[dict[str, float]]
    lacking: str = ""


class Question(Struct, frozen=True):
    """A question to the version whose artifact is in a folder."""

    artifact: Path
    wanted: RowsWanted | AnswersWanted | MeasuresWanted


def answer(question: Question) -> Rows | Answers | Measures:
    """Load the artifact and answer."""
    loaded, wanted = load(question.artifact), question.wanted
    if isinstance(wanted, RowsWanted):
        return _rows(loaded, wanted)
    return _answers(loaded, wanted.rows) if isinstance(wanted, AnswersWanted) else _measures(loaded, wanted)


def is_quantity(target: Field) -> bool:
    """Return True for a target of numbers that are no labels."""
    return target.kind in ("number", "integer") and not target.categories


def _rows(loaded: Loaded, wanted: RowsWanted) -> Rows:
    """Return the rows of the data that no version was trained on."""
    from slipway.models.data import read_snapshot, records, truth_in
    from slipway.models.splits import held_out_by

    data = read_snapshot(loaded.model, Path(wanted.data)).reset_index(drop=True)
    columns = sorted({name for each in wanted.splits for name in each.columns})
    needed = {*columns, *filter(None, (each.split.column for each in wanted.splits))}
    missing = sorted(needed - set(map(str, data.columns)))
    change = None if wanted.earlier is None else _change(loaded, Path(wanted.earlier), data)
    taken = data.iloc[:0]
    unseen = 0
    if not missing:
        mask = ~data.index.isin([])
        for each in wanted.splits:
            mask &= each.unseen.mask(data) if each.unseen else held_out_by(each.split, data, each.columns)
        unseen = int(mask.sum())
        taken = data[mask].iloc[:: -(-unseen // MOST_ROWS) or 1]
    names = [target.name for target in loaded.schema.targets]
    truth = [] if missing else [loaded.model.outcome(value) for value in truth_in(taken, names)]
    return Rows(
        rows=[] if missing else records(taken, columns),
        truth=to_json(truth, len(truth), loaded.schema.target),
        unseen=unseen,
        total=len(data),
        missing=missing,
        change=change,
    )


def _answers(loaded: Loaded, rows: list[dict[str, Any]]) -> Answers:
    unfit = {place: why for place, row in enumerate(rows) if (why := _refusal(loaded.schema.parse, row))}
    fine = [place for place in range(len(rows)) if place not in unfit]
    found = dict(zip(fine, loaded.answer_each([rows[place] for place in fine]), strict=True))
    refused = [place for place, answer in found.items() if answer is REFUSED]
    why = next(iter(unfit.values()), "") or next((_refusal(loaded.answer, rows[place]) for place in refused), "")
    given = {place: answer for place, answer in found.items() if answer is not REFUSED}
    outcomes = {place: loaded.schema.outcome(answer) for place, answer in given.items()}
    every, whole = ([each.get(place) for place in range(len(rows))] for each in (outcomes, given))
    return Answers(outcomes=every, predictions=whole, refused=sorted([*unfit, *refused]), why=why)


def _refusal(take: Callable[[list[Any]], object], row: dict[str, Any]) -> str:
    """Return why a row is refused; empty when it is taken."""
    try:
        take([row])
    except InvalidRows as error:
        return f"{error.problems[0].field}: {error.problems[0].message}"
    except InputError as error:
        return str(error)
    return ""


def _measures(loaded: Loaded, wanted: MeasuresWanted) -> Measures:
    """Measure answers by the usual metrics and by this version's own."""
    from slipway.training.metrics import measured, own

    model, schema, truth = loaded.model, loaded.schema, wanted.truth
    usual = [measured(model, schema, truth, found) for found in wanted.answers]
    try:
        ours = [own(model, schema, truth, found, wanted.rows) for found in wanted.answers]
    except Exception as error:  # noqa: BLE001 - the model's code
        return Measures(metrics=usual, lacking=f"{type(error).__name__}: {error}")
    finite = [{name: value for name, value in more.items() if math.isfinite(value)} for more in ours]
    return Measures(metrics=[metrics | more for metrics, more in zip(usual, finite, strict=True)])


def _change(loaded: Loaded, earlier: Path, after: pd.DataFrame) -> DataChange | str:
    """Compare the data with the earlier data; where that is not possible, return why."""
    from slipway.models.data import hashes, read_snapshot

    # The distribution of one target is shown; of several, that of none.
    targets = [target for target in loaded.schema.targets if len(loaded.schema.targets) == 1]
    try:
        before = read_snapshot(loaded.model, earlier)
        both = [name for name in loaded.schema.columns if name in before and name in after]
        old, new = Counter(hashes(before, both)), Counter(hashes(after, both))
        old_names, new_names = set(map(str, before.columns)), set(map(str, after.columns))
        return DataChange(
            added=(new - old).total(),
            gone=(old - new).total(),
            columns_added=sorted(new_names - old_names),
            columns_gone=sorted(old_names - new_names),
            before=_spread(targets[0], before[targets[0].name]) if targets else {},
            after=_spread(targets[0], after[targets[0].name]) if targets else {},
        )
    except Exception as error:  # noqa: BLE001 - the model's code reads data that it was not written for
        return f"{type(error).__name__}: {error}"


def _spread(target: Field, column: pd.Series[Any]) -> dict[str, float]:
    """Return the values of the target by quantile, or the rows by value."""
    from slipway.models.data import json_value

    if is_quantity(target):
        return {f"{place * 100:g} %": float(column.quantile(place)) for place in QUANTILES}
    counted = Counter(str(json_value(value)) for value in column.tolist())
    return {value: float(number) for value, number in counted.most_common(_MOST_VALUES)}
