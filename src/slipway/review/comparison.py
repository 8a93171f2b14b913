"""A candidate compared with the running version, on the same rows, which neither was trained on.

The code of each version reads, predicts and measures in a process of its own.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Struct, field

from slipway import processes
from slipway.artifacts import manifest
from slipway.artifacts.loading import SCHEMA
from slipway.digests import walk
from slipway.errors import SlipwayError
from slipway.models.environment import compile_lock, python_for, serving_lock
from slipway.models.splits import Split, split_of
from slipway.review import worker
from slipway.review.worker import (
    Answers,
    AnswersWanted,
    DataChange,
    HeldOut,
    Measures,
    MeasuresWanted,
    Rows,
    RowsWanted,
)
from slipway.schema import Field, Schema
from slipway.settings import Settings
from slipway.store import Record, Store
from slipway.training import unseen
from slipway.training.metrics import unlike

T = TypeVar("T")

_SECONDS = 900
# The model's code sees these variables and no others: no token and no key is among them.
_PASSED = ("HOME", "LANG", "LC_ALL", "PATH", "SLIPWAY_CACHE", "TMPDIR", "TZ")
_SINGLE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}


class UnlikeError(SlipwayError):
    """Two versions cannot be compared, by what they are: another try would find the same."""


class Version(NamedTuple):
    """A published version in local files: `folder` holds its artifact, `data` the snapshot of its data."""

    record: Record
    folder: Path
    data: Path | None = None

    @property
    def schema(self) -> Schema:
        """Return its schema; raise `SlipwayError` when the artifact has none."""
        return manifest.read_file(self.folder, SCHEMA, Schema)

    @property
    def split(self) -> Split:
        """Return the rule by which rows were held out; raise `SlipwayError` when the record does not say."""
        if self.record.data is None:
            raise UnlikeError(f"{self.record.id} was published by hand: nothing says what it was trained on")
        found = split_of(self.record.data.split, self.record.data.share)
        if found is None:
            raise UnlikeError(f"the record of {self.record.id} does not say which rows were held out")
        return found

    def held_out(self, settings: Settings, candidate: Version) -> HeldOut:
        """Return how to find the rows of the candidate's data that this version was not trained on.

        Raise `SlipwayError` when nothing says which they are.
        """
        split, columns, data = self.split, list(self.schema.columns), candidate.data
        if data is None:
            raise UnlikeError(f"{candidate.record.id} has no snapshot of its data")
        if split.by != "model":
            return HeldOut(columns=columns, split=split)
        if self.data is None:
            raise UnlikeError(f"{self.record.id} has no snapshot of its data")
        question = unseen.Question(artifact=self.folder.absolute(), data=data, own=self.data, split=split)
        python = python_for(compile_lock(settings, self.record.model, "train"))
        found = self._answered(python, unseen.__name__, question, unseen.Unseen, "unseen rows")
        return HeldOut(columns=columns, split=split, unseen=found)

    def ask(self, settings: Settings, wanted: RowsWanted | MeasuresWanted, type_: type[T]) -> T:
        """Ask in the training environment: the serving environment may lack pandas and scikit-learn."""
        return self._ask(python_for(compile_lock(settings, self.record.model, "train")), wanted, type_)

    def answers(self, settings: Settings, rows: Sequence[dict[str, object]]) -> Answers:
        """Return the version's predictions, made in its own locked serving environment."""
        names = self.schema.names
        own = [{name: row[name] for name in names} for row in rows]
        lock = self.folder / "requirements.lock"
        if not lock.is_file():
            lock = serving_lock(settings, self.record.model, walk(self.folder))
        return self._ask(python_for(lock), AnswersWanted(own), Answers)

    def _ask(self, python: Path, wanted: RowsWanted | AnswersWanted | MeasuresWanted, type_: type[T]) -> T:
        question = worker.Question(self.folder.absolute(), wanted)
        return self._answered(python, worker.__name__, question, type_, str(wanted.__struct_config__.tag))

    def _answered(self, python: Path, module: str, question: Any, type_: type[T], what: str) -> T:
        env = {name: os.environ[name] for name in _PASSED if name in os.environ} | _SINGLE
        folder = self.folder.absolute()
        try:
            return processes.ask(python, module, question, answer=type_, env=env, cwd=folder, patience=_SECONDS)
        except SlipwayError as error:
            raise SlipwayError(f"{self.record.id} fails at its {what}: {error.problem}") from error


def fetched(store: Store, record: Record, folder: Path) -> Version:
    """Fetch a version into `folder`: its artifact and, where it has one, the snapshot of its data."""
    artifact = store.fetch(record, folder / "artifact")
    for name, file in record.attachments.items():
        if record.data and file.sha256 == record.data.sha256:
            path = folder / PurePosixPath(name).name
            path.write_bytes(store.content(record, name))
            return Version(record, artifact, path)
    return Version(record, artifact)


class Side(Struct, frozen=True, kw_only=True):
    """The metrics of one version, and its answers to the rows; there are none where only its record is known."""

    metrics: dict[str, float]
    answers: list[Any] = field(default_factory=list)
    predictions: list[Any] = field(default_factory=list)
    """All that `predict` gave to the same rows."""


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
    settled: bool = True
    """False if something failed that may work another time, such as the code of a version in its process."""

    @property
    def then(self) -> list[Any] | None:
        """Return the running version's answers to the same rows; None without such answers."""
        return self.before.answers if self.before and self.before.answers else None

    @property
    def answers(self) -> list[list[Any]]:
        """Return the candidate's answers and, where there are any, those of the running version."""
        return [self.candidate.answers, *([self.then] if self.then else [])]

    @property
    def near(self) -> float:
        """Return how far two quantities may differ and count as alike: 1/20 of the middle 80 % of the truth."""
        if not worker.is_quantity(self.target) or not self.truth:
            return 0.0
        low, high = quantiles(self.truth, [0.1, 0.9])
        return (high - low) / 20

    @property
    def alike(self) -> float | None:
        """Return the share of rows on which both answer the same (see `near`); None unless both answered."""
        return share_alike(self.candidate.answers, self.then, self.near) if self.then else None


def compare(settings: Settings, candidate: Version, before: Version | None) -> Comparison:
    """Measure both versions on the unseen rows of the candidate's data, each in its own process.

    Where that is not possible, `unlike` says why, and the candidate is measured on its own unseen rows. Where even that
    fails, the records give the metrics. Raise `SlipwayError` only when the candidate's artifact has no schema.
    """
    found = Comparison(
        target=candidate.schema.target,
        candidate=Side(metrics=dict(candidate.record.metrics)),
        before=Side(metrics=dict(before.record.metrics)) if before else None,
    )
    if not candidate.schema.truth:
        why = f"no column of the data holds what {candidate.record.model} predicts, so there is no truth to measure by"
        return msgspec.structs.replace(found, unlike=why)
    if before is not None:
        try:
            return _on_same_rows(settings, candidate, before, found)
        except SlipwayError as error:
            settled = isinstance(error, UnlikeError)
            found = msgspec.structs.replace(found, unlike=error.problem, settled=settled)
    try:
        rows = _rows(settings, candidate, before, [candidate])
        if not rows.rows:
            raise UnlikeError(f"none of the {rows.total} rows of its data was held out")
        return _measured(settings, rows, [candidate], found)
    except SlipwayError as error:
        notes = [] if error.problem == found.unlike else [error.problem]
        settled = found.settled and isinstance(error, UnlikeError)
        return msgspec.structs.replace(found, notes=notes, settled=settled)


def _on_same_rows(settings: Settings, candidate: Version, before: Version, recorded: Comparison) -> Comparison:
    """Measure both versions on the rows that neither was trained on; raise `SlipwayError` where there are none."""
    if found := unlike(candidate.schema.target, before.schema.target):
        raise UnlikeError(f"{before.record.id} predicts {found[1]}, and the candidate {found[0]}")
    rows = _rows(settings, candidate, before, [candidate, before])
    if rows.missing:
        names = ", ".join(map(repr, rows.missing))
        raise UnlikeError(f"the candidate's data has no column {names}, which {before.record.id} needs")
    if not rows.rows:
        raise UnlikeError(f"none of the {rows.total} rows of the candidate's data is unseen by both")
    return _measured(settings, rows, [before, candidate], recorded)


def _rows(settings: Settings, candidate: Version, before: Version | None, unseen_by: Sequence[Version]) -> Rows:
    splits = [version.held_out(settings, candidate) for version in unseen_by]
    ours, theirs = (version.record.data if version else None for version in (candidate, before))
    differs = before and before.data and ours and theirs and ours.sha256 != theirs.sha256
    earlier = str(before.data) if before and differs else None
    return candidate.ask(settings, RowsWanted(data=str(candidate.data), splits=splits, earlier=earlier), Rows)


def _measured(settings: Settings, rows: Rows, versions: Sequence[Version], recorded: Comparison) -> Comparison:
    """Measure versions, the candidate as the last, on the rows that all of them answer."""
    *others, candidate = versions
    answers = [version.answers(settings, rows.rows) for version in versions]
    refused = {place for each in answers for place in each.refused}
    places = [place for place in range(len(rows.rows)) if place not in refused]
    truth, *given = [[column[at] for at in places] for column in (rows.truth, *(each.outcomes for each in answers))]
    whole = [[each.predictions[at] for at in places] for each in answers]
    if not truth:
        why = next(filter(None, (each.why for each in answers)), "")
        raise SlipwayError(f"{versions[0].record.id} refuses every row of the candidate's data: {why}")
    wanted = MeasuresWanted(truth=truth, answers=whole, rows=[rows.rows[at] for at in places])
    measured = candidate.ask(settings, wanted, Measures)
    sides = zip(measured.metrics, given, whole, strict=True)
    *before, now = [Side(metrics=metrics, answers=own, predictions=all_) for metrics, own, all_ in sides]
    notes = []
    if len(rows.rows) < rows.unseen:
        notes.append(f"measured on {len(rows.rows)} of {rows.unseen} unseen rows, taken evenly")
    if isinstance(rows.change, str):
        notes.append(f"the data of both cannot be compared: {rows.change}")
    if others and answers[0].refused:
        notes.append(f"{others[0].record.id} refuses {len(answers[0].refused)} further rows ({answers[0].why})")
    if measured.lacking:
        notes.append(f"the model's own metrics fail: {measured.lacking}")
    return msgspec.structs.replace(
        recorded,
        candidate=now,
        before=before[0] if before else recorded.before,
        truth=truth,
        total=rows.total,
        notes=notes,
        data=None if isinstance(rows.change, str) else rows.change,
        settled=recorded.settled and not measured.lacking and not isinstance(rows.change, str),
    )


def quantiles(values: Sequence[float], places: Sequence[float]) -> list[float]:
    """Return the values at these places (0 to 1) of the sorted values, interpolated between neighbours."""
    ordered = sorted(values)
    at = [place * (len(ordered) - 1) for place in places]
    neighbours = [(ordered[math.floor(each)], ordered[math.ceil(each)], each % 1) for each in at]
    return [low + (high - low) * part for low, high, part in neighbours]


def share_alike(one: Sequence[Any], other: Sequence[Any], within: float) -> float:
    """Return the share of places with equal values, or with numbers no further than `within` apart."""
    numbers = int | float
    same = [
        abs(mine - theirs) <= within if isinstance(mine, numbers) and isinstance(theirs, numbers) else mine == theirs
        for mine, theirs in zip(one, other, strict=True)
    ]
    return sum(same) / len(same) if same else 1.0
