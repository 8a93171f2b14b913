"""Asking a version: its artifact, and the environments in which its own code reads, answers and measures."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from slipway import processes
from slipway.artifacts import manifest
from slipway.artifacts.loading import SCHEMA
from slipway.digests import walk
from slipway.errors import SlipwayError
from slipway.models.environment import SOURCE, compile_lock, python_for, serving_lock
from slipway.review import worker
from slipway.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.settings import Settings
    from slipway.store import Record, Store

__all__ = ["Version", "fetched"]

T = TypeVar("T")

_PATIENCE = 900
"""Seconds that one question may take."""

_ASKED = """
from pathlib import Path
from slipway.review import worker
answer = worker.answered(sys.argv[1], Path(sys.argv[2]), question)
"""

# What a model's code gets to see of this process: no token and no key is among it.
_PASSED = ("HOME", "LANG", "LC_ALL", "PATH", "SLIPWAY_CACHE", "TMPDIR", "TZ")
_SINGLE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}


class Version(NamedTuple):
    """A published version, fetched: `folder` holds its artifact, `data` the snapshot of its data if there is one."""

    record: Record
    folder: Path
    data: Path | None = None

    @property
    def schema(self) -> Schema:
        """Its schema; raises `SlipwayError` when the artifact has none."""
        return manifest.read_file(self.folder, SCHEMA, Schema)

    @property
    def split(self) -> worker.Split:
        """How its rows were held out; raises `SlipwayError` when its record does not say."""
        if self.record.data is None:
            raise SlipwayError(f"{self.record.id} was published by hand: nothing says what it was trained on")
        if self.record.data.share is None:
            raise SlipwayError(f"the record of {self.record.id} does not say which rows were held out")
        return worker.Split(columns=[*self.schema.names, self.schema.target.name], share=self.record.data.share)

    def rows(self, settings: Settings, wanted: worker.RowsWanted) -> worker.Rows:
        """Rows of data, as the version's code reads it."""
        return self._ask(_trained_by(settings, self), "rows", wanted, worker.Rows)

    def answers(self, settings: Settings, rows: Sequence[dict[str, object]]) -> worker.Answers:
        """What the version predicts, in its own locked serving environment."""
        names = self.schema.names
        own = [{name: row[name] for name in names} for row in rows]
        lock = self.folder / "requirements.lock"
        if not lock.is_file():
            lock = serving_lock(settings, self.record.model, walk(self.folder))
        return self._ask(python_for(lock), "answers", worker.AnswersWanted(own), worker.Answers)

    def measures(self, settings: Settings, wanted: worker.MeasuresWanted) -> worker.Measures:
        """How good answers are."""
        return self._ask(_trained_by(settings, self), "measures", wanted, worker.Measures)

    def _ask(self, python: Path, question: str, wanted: object, type_: type[T]) -> T:
        passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
        env, folder = passed | _SINGLE | {"PYTHONPATH": SOURCE}, self.folder.absolute()
        words = question, str(folder)
        try:
            return processes.ask_code(
                python, _ASKED, *words, answer=type_, env=env, question=wanted, cwd=folder, patience=_PATIENCE
            )
        except SlipwayError as error:
            raise SlipwayError(f"{self.record.id} fails at its {question}: {error.problem}") from error


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
    """The environment that reads and measures: serving need not have pandas, nor what metrics are made with."""
    return python_for(compile_lock(settings, version.record.model, "train"))
