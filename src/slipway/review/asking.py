"""Asking a version: its artifact, and the environments in which its own code reads, answers and measures."""

import os
import subprocess
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from slipway.artifacts import manifest
from slipway.artifacts.loading import SCHEMA
from slipway.digests import walk
from slipway.environment import SOURCE, compile_lock, python_for, serving_lock
from slipway.errors import SlipwayError
from slipway.review import asked
from slipway.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.settings import Settings
    from slipway.store import Record, Store

__all__ = ["Version", "fetched"]

T = TypeVar("T")

_PATIENCE = 900
"""Seconds that one question may take."""

# What a model's code gets to see of this process: no token and no key is among it.
_PASSED = ("HOME", "LANG", "LC_ALL", "PATH", "SLIPWAY_CACHE", "TMPDIR", "TZ")
_SINGLE = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}


class Version(NamedTuple):
    """A published version, fetched: `folder` holds its artifact, `data` the snapshot of its data if there is one."""

    record: "Record"
    folder: Path
    data: Path | None = None

    @property
    def schema(self) -> Schema:
        """Its schema; raises `SlipwayError` when the artifact has none."""
        return manifest.read_file(self.folder, SCHEMA, Schema)

    @property
    def split(self) -> asked.Split:
        """How its rows were held out; raises `SlipwayError` when its record does not say."""
        if self.record.data is None:
            raise SlipwayError(f"{self.record.id} was published by hand: nothing says what it was trained on")
        if self.record.data.share is None:
            raise SlipwayError(f"the record of {self.record.id} does not say which rows were held out")
        return asked.Split(columns=[*self.schema.names, self.schema.target.name], share=self.record.data.share)

    def rows(self, settings: "Settings", wanted: asked.RowsWanted) -> asked.Rows:
        """Rows of data, as the version's code reads it."""
        return self._ask(_trained_by(settings, self), "rows", wanted, asked.Rows)

    def answers(self, settings: "Settings", rows: "Sequence[dict[str, object]]") -> asked.Answers:
        """What the version predicts, in its own locked serving environment."""
        names = self.schema.names
        own = [{name: row[name] for name in names} for row in rows]
        lock = self.folder / "requirements.lock"
        if not lock.is_file():
            lock = serving_lock(settings, self.record.model, walk(self.folder))
        return self._ask(python_for(lock), "answers", asked.AnswersWanted(own), asked.Answers)

    def measures(self, settings: "Settings", wanted: asked.MeasuresWanted) -> asked.Measures:
        """How good answers are."""
        return self._ask(_trained_by(settings, self), "measures", wanted, asked.Measures)

    def _ask(self, python: Path, question: str, wanted: object, type_: type[T]) -> T:
        command = [str(python), "-P", "-m", asked.__name__, question, str(self.folder.absolute())]
        passed = {name: os.environ[name] for name in _PASSED if name in os.environ}
        try:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=passed | _SINGLE | {"PYTHONPATH": SOURCE},
                input=msgspec.json.encode(wanted),
                capture_output=True,
                check=False,
                timeout=_PATIENCE,
            )
        except subprocess.TimeoutExpired as error:
            raise SlipwayError(f"{self.record.id} took more than {_PATIENCE} s for its {question}") from error
        if done.returncode:
            raise SlipwayError(f"{self.record.id} fails at its {question}: {_last_line(done.stderr)}")
        return msgspec.json.decode(done.stdout, type=type_)


def fetched(store: "Store", record: "Record", folder: Path) -> Version:
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


def _trained_by(settings: "Settings", version: Version) -> Path:
    """The environment that reads and measures: serving need not have pandas, nor what metrics are made with."""
    return python_for(compile_lock(settings, version.record.model, "train"))


def _last_line(output: bytes) -> str:
    lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
    # The fix of our own errors stands below the problem.
    problems = [line for line in lines if not line.startswith("  → ")]
    return problems[-1].strip() if problems else "it said nothing"
