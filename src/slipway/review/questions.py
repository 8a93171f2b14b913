"""Questions to a published version: its own code reads, predicts and measures, each in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypeVar

from slipway import processes
from slipway.artifacts import manifest
from slipway.artifacts.loading import SCHEMA
from slipway.digests import walk
from slipway.errors import SlipwayError
from slipway.models.environment import compile_lock, python_for, serving_lock
from slipway.review import worker
from slipway.schema import Schema
from slipway.settings import Settings
from slipway.store import Record, Store

__all__ = ["Version", "fetched"]

T = TypeVar("T")

_SECONDS = 900
_NAMES: dict[Any, str] = {worker.RowsWanted: "rows", worker.AnswersWanted: "answers", worker.MeasuresWanted: "measures"}

# The model's code sees these variables and no others: no token and no key is among them.
_PASSED = ("HOME", "LANG", "LC_ALL", "PATH", "SLIPWAY_CACHE", "TMPDIR", "TZ")
_SINGLE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}


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
    def split(self) -> worker.Split:
        """Return how its rows were held out; raise `SlipwayError` when its record does not say."""
        if self.record.data is None:
            raise SlipwayError(f"{self.record.id} was published by hand: nothing says what it was trained on")
        if self.record.data.share is None:
            raise SlipwayError(f"the record of {self.record.id} does not say which rows were held out")
        return worker.Split(columns=[*self.schema.names, self.schema.target.name], share=self.record.data.share)

    def rows(self, settings: Settings, wanted: worker.RowsWanted) -> worker.Rows:
        """Return rows of data, as the version's code reads them."""
        return self._ask(_trained_by(settings, self), wanted, worker.Rows)

    def answers(self, settings: Settings, rows: Sequence[dict[str, object]]) -> worker.Answers:
        """Return the version's predictions, made in its own locked serving environment."""
        names = self.schema.names
        own = [{name: row[name] for name in names} for row in rows]
        lock = self.folder / "requirements.lock"
        if not lock.is_file():
            lock = serving_lock(settings, self.record.model, walk(self.folder))
        return self._ask(python_for(lock), worker.AnswersWanted(own), worker.Answers)

    def measures(self, settings: Settings, wanted: worker.MeasuresWanted) -> worker.Measures:
        """Return how good answers are."""
        return self._ask(_trained_by(settings, self), wanted, worker.Measures)

    def _ask(self, python: Path, wanted: Any, type_: type[T]) -> T:
        env = {name: os.environ[name] for name in _PASSED if name in os.environ} | _SINGLE
        folder = self.folder.absolute()
        question = worker.Question(folder, wanted)
        try:
            return processes.ask(
                python, worker.__name__, question, answer=type_, env=env, cwd=folder, patience=_SECONDS
            )
        except SlipwayError as error:
            raise SlipwayError(f"{self.record.id} fails at its {_NAMES[type(wanted)]}: {error.problem}") from error


def fetched(store: Store, record: Record, folder: Path) -> Version:
    """Fetch a version into `folder`: its artifact and, where it has one, the snapshot of its data."""
    artifact = store.fetch(record, folder / "artifact")
    snapshot = next(
        (name for name, file in record.attachments.items() if record.data and file.sha256 == record.data.sha256), None
    )
    if snapshot is None:
        return Version(record, artifact)
    path = folder / PurePosixPath(snapshot).name
    path.write_bytes(store.attachment(record, snapshot))
    return Version(record, artifact, path)


def _trained_by(settings: Settings, version: Version) -> Path:
    """Return the training environment's Python: the serving environment may lack pandas and scikit-learn."""
    return python_for(compile_lock(settings, version.record.model, "train"))
