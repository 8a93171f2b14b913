"""`slipway reproduce`: train a version again from its record, and compare the predictions of both.

The training has the files of its commit, and the data, parameters and packages of its record.
"""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from slipway import digests, files, processes
from slipway import settings as settings_file
from slipway.artifacts import manifest
from slipway.artifacts.loading import SCHEMA
from slipway.containers import class_of
from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.images import comparison
from slipway.images.bundle import LOCK
from slipway.models import environment
from slipway.models.data import read_snapshot, records
from slipway.overlays import documents
from slipway.provenance import commits
from slipway.provenance.locks import laid_over, moved
from slipway.provenance.subject import find, version_of
from slipway.schema import Schema
from slipway.settings import Settings
from slipway.settings.strict import FILE, read
from slipway.store import Record, Training, store_of
from slipway.store.records import Data, SecondFit
from slipway.training.inputs import read_secrets
from slipway.training.task import task_in


class Reproduction(NamedTuple):
    """The result of training a version again."""

    record: Record
    digest: str
    """The digest of the new artifact."""
    differing: list[str]
    """Files that differ between the two artifacts, or that only one of them has."""
    compared: comparison.Compared
    second_fit: SecondFit | None
    """The result of a second fit here."""
    notes: list[str]

    @property
    def holds(self) -> bool:
        """Return True if every prediction is the same, numbers within the declared tolerance."""
        return self.compared.within == self.compared.rows

    def lines(self) -> list[str]:
        """Return the result in words."""
        found, same = self.compared, self.digest == self.record.artifact.digest
        artifact = "the same" if same else f"{self.digest[:8]}, another one; differing: {', '.join(self.differing)}"
        numbers = f"largest difference {found.largest:.3g}, tolerance {found.tolerance:g}"
        refused = f", {found.refused} of them refused by both" if found.refused else ""
        verdict = "reproduced" if self.holds else "not reproduced"
        then = self.record.training.second_fit if self.record.training else None
        fits = {"at its training": then, "here": self.second_fit}
        return [
            f"{self.record.id}: {verdict}: {found.within} of {found.rows} predictions are the same",
            f"  artifact {self.record.artifact.digest[:8]}: {artifact}",
            f"  labels: equal on {found.labels} of {found.rows} rows{refused}",
            f"  numbers: {numbers if found.numbers else 'none in the predictions'}",
            *(f"  {example}" for example in found.examples),
            *(f"  {where}: {fit.words}" for where, fit in fits.items() if fit),
            *(f"  note: {note}" for note in self.notes),
        ]


def reproduce(
    settings: Settings, what: str, *, keep: Path | None = None, report: Callable[[str], None]
) -> Reproduction:
    """Train a version again, and compare the predictions for all rows of its data. `subject.find` takes `what`.

    Train from the files of its commit, in a temporary folder or `keep`. Change neither the repository nor a store.
    Raise `SlipwayError` when the training cannot be repeated.
    """
    if keep is not None and keep.exists() and (not keep.is_dir() or any(keep.iterdir())):
        raise SlipwayError(f"{keep} is not an empty folder", fix="give --keep a new or an empty folder")
    record = _record(settings, what)
    training, snapshot = _known(record)
    with nullcontext(keep) if keep else tempfile.TemporaryDirectory(prefix="slipway-") as made:
        folder = Path(made).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        return _reproduce(settings, record, training, snapshot, folder, report)


def _reproduce(
    settings: Settings, record: Record, training: Training, snapshot: str, folder: Path, report: Callable[[str], None]
) -> Reproduction:
    store, model, commit = store_of(settings, record.environment), record.model, training.commit or ""
    root = commits.check_out(Repository(settings.root), commit, folder / "repository")
    report(f"{record.id}: trained at commit {commit[:12]} on {snapshot}")
    store.blobs.get({snapshot: record.attachments[snapshot]}, folder / "snapshot", what=str(record.id))
    before = store.fetch(record, folder / "before")
    pinned = pin(root, record, folder / "store")
    read_secrets(pinned.model(model).secrets)
    lock = (before / LOCK).read_text(encoding="utf-8") if (before / LOCK).is_file() else ""
    _agree(root, lock)
    data = folder / "snapshot" / snapshot
    after = _retrain(pinned, record, data, folder, report)
    rows = _rows(pinned, record, data, after)
    report(f"  both predict the {len(rows)} rows of the snapshot")
    old = comparison.predictions(pinned, model, before, folder / "served" / "before", rows)
    new = comparison.predictions(pinned, model, after, folder / "served" / "after", rows)
    digest, differing = _differing(record, after)
    compared = comparison.compare(rows, old, new, manifest.read(before).tolerance)
    again = _fit(folder)
    notes = _notes(training, folder, lock, after)
    known = [each for each in (training.second_fit, again.second_fit) if each]
    if differing and any(each.result == "same" for each in known) and not any(each.is_doubtful for each in known):
        notes.append("a second fit gave the same, so the difference comes from the place and not from chance")
    return Reproduction(record, digest, differing, compared, again.second_fit, notes)


def _record(settings: Settings, what: str) -> Record:
    """Return the record of the named version, or of its origin when its own store does not have it."""
    subject = find(settings, what)
    found = version_of(settings, subject)
    if found.record is None:
        store_of(settings, subject.model_id.environment).record(subject.model_id.model, subject.model_id.version)
        raise SlipwayError("; ".join(found.broken))
    if subject.record is not None and subject.record.artifact != found.record.artifact.digest:
        problem = f"{found.record.id} holds another artifact than {subject} was declared with"
        raise SlipwayError(problem, fix=f"slipway trace {subject} shows where the chain breaks")
    return found.record


def _known(record: Record) -> tuple[Training, str]:
    """Return the training, and the attachment with its data. Raise `SlipwayError` when it cannot be repeated."""
    if record.image is not None:
        problem = f"{record.id} is a container, which was built elsewhere"
        raise SlipwayError(problem, fix=f"ask the people who built {record.image}")
    training, data = record.training, record.data
    if training is None or data is None:
        problem = f"{record.id} was published by hand: its record has no training to repeat"
        raise SlipwayError(problem, fix=f"slipway train {record.model} makes a version that can be reproduced")
    if not training.commit:
        problem = f"{record.id} was trained without git: the commit of its code is unknown"
        raise SlipwayError(problem, fix="train in a clone, or set SLIPWAY_COMMIT where there is no git")
    if training.dirty:
        problem = f"{record.id} was trained while files differed from the commit {training.commit[:12]}"
        raise SlipwayError(problem, fix="commit before the next training, to make it reproducible")
    for name, file in record.attachments.items():
        if name.startswith("data/") and file.sha256 == data.sha256:
            return training, name
    problem = f"{record.id} has no snapshot of its data, {data.uri} with the digest {data.sha256[:8]}"
    raise SlipwayError(problem, fix="only versions that `slipway train` publishes have one")


def _differing(record: Record, artifact: Path) -> tuple[str, list[str]]:
    """Return the digest of the new artifact, and its files that differ from the recorded ones."""
    found = {path: digests.of_file(file) for path, file in digests.walk(artifact).items()}
    known = {path: file.sha256 for path, file in record.artifact.files.items()}
    differing = sorted(path for path in found.keys() | known.keys() if found.get(path) != known.get(path))
    return digests.of_files(found), differing


def _notes(training: Training, folder: Path, lock: str, after: Path) -> list[str]:
    """Return notes on the differences to the first training."""
    notes = []
    if training.python not in (None, platform.python_version()):
        notes.append(f"trained with Python {training.python}, and now with {platform.python_version()}")
    if not lock:
        notes.append(f"the artifact has no {LOCK}: the packages are what its requirements give today")
    elif changed := moved(lock, (after / LOCK).read_text(encoding="utf-8")):
        notes.append(f"packages with other versions: {', '.join(changed)}")
    if training.machine not in (None, here := _fit(folder).machine):
        notes.append(f"trained on {training.machine}, and now on {here or 'a machine that is not known'}")
    digest = task_in(folder / "check").training_digest
    if digest != training.digest:
        notes.append(f"the training digest is {digest[:8]}, and was {training.digest[:8]}")
    return notes


class _Fit(Struct, frozen=True):
    """The content of `fit.json`, which the steps of earlier commits do not write."""

    machine: str | None = None
    second_fit: SecondFit | None = None


def _fit(folder: Path) -> _Fit:
    path = folder / "fit" / "fit.json"
    return msgspec.json.decode(path.read_bytes(), type=_Fit) if path.is_file() else _Fit()


def pin(root: Path, record: Record, store: Path) -> Settings:
    """Rewrite the settings in `root` so that a training repeats that of the record, and publishes to `store` only.

    Set no gates, because the predictions show a worse model. Raise `SlipwayError` when the settings do not have the
    model or the environment.
    """
    path = root / FILE
    content = (read(path.read_text(encoding="utf-8-sig")) if path.is_file() else None) or {}
    trained = _environment(record)
    known = content.get("environments", {}).get(trained)
    if known is None:
        problem = f"{record.id} was trained for {trained}, which {FILE} of its commit does not have"
        raise SlipwayError(problem, fix=f"it cannot be reproduced; slipway train {record.model} makes a new version")
    own = dict((content.get("models") or {}).get(record.model) or {})
    for name in ("pin", "per_environment"):  # they name the other environments
        own.pop(name, None)
    if record.training is not None:
        own["parameters"] = record.training.parameters
    if record.data is not None:
        own |= _split(record.data)
    content["environments"] = {trained: {"store": str(store), "namespace": known["namespace"]}}
    content["models"] = {record.model: {**own, "gates": {}}}
    files.write(path, documents.format(content))
    settings = settings_file.load(root)
    settings.model(record.model)
    return settings


def _split(data: Data) -> dict[str, Any]:
    """Return the settings by which rows were held out."""
    if data.split is None:
        return {} if data.share is None else {"held_out": data.share}
    column = {data.split.by: data.split.column} if data.split.by in ("group", "time") else None
    return {"held_out": data.split.share, "split": column}


def _agree(root: Path, lock: str) -> None:
    """Make the environments of `root` use the versions of `lock`, unless the model pins other versions."""
    path = root / LOCK
    known = path.read_text(encoding="utf-8") if path.is_file() else ""
    files.write(path, laid_over(known, lock).encode())


def _retrain(settings: Settings, record: Record, snapshot: Path, folder: Path, report: Callable[[str], None]) -> Path:
    """Run the steps that make an artifact, each in a folder below `folder`, and return the folder of the artifact.

    Skip the step `test`, as the artifact does not depend on it. Raise `SlipwayError` with the output of a failed step.
    """
    source = ["--model", record.model, "--env", _environment(record), "--data", str(snapshot)]
    for name in ("fetch", "check", "fit", "evaluate"):
        target = folder / name
        line = _slipway(settings, folder, "step", name, *source, "--out", str(target))
        report(f"  {line}")
        source = ["--in", str(target)]
    return folder / "evaluate" / "artifact"


def _rows(settings: Settings, record: Record, snapshot: Path, artifact: Path) -> list[dict[str, Any]]:
    """Return all rows of the data in the form of requests. The model of `artifact` reads them."""
    python = environment.python_for(environment.compile_lock(settings, record.model, "train"))
    question = settings.root, record.model, artifact, snapshot
    kind, env = list[dict[str, Any]], _own_variables()
    try:
        return processes.ask(python, __name__, question, answer=kind, env=env, cwd=artifact.parent)
    except SlipwayError as error:
        raise SlipwayError(f"the rows of the snapshot cannot be read: {error.problem}", fix=error.fix) from error


def answer(question: tuple[Path, str, Path, Path]) -> list[dict[str, Any]]:
    """Return the rows: the repository at a root, the name of a model, its artifact and the data are given.

    This runs in the model's environment by the current code: the commit may have other modules.
    """
    root, name, artifact, snapshot = question
    schema = manifest.read_file(artifact, SCHEMA, Schema)
    model = class_of(settings_file.load(root), name)(**manifest.read(artifact).parameters)
    return records(read_snapshot(model, snapshot), schema.names)


def _environment(record: Record) -> str:
    """Return the environment that the version was trained for, also of a promoted version."""
    return record.origin.environment if record.origin else record.environment


def _slipway(settings: Settings, folder: Path, *words: str) -> str:
    """Run a verb of a step in another process; return its first line, which code of the model may print around."""
    command = [sys.executable, "-P", "-m", "slipway", "-C", str(settings.root), *words]
    source = settings.root / "src"  # the platform of the commit
    path = str(source) if (source / "slipway/__main__.py").is_file() else processes.SOURCE
    env = _own_variables(installs=True) | {"PYTHONPATH": path}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        said = done.stderr.strip().removeprefix("error: ")
        raise SlipwayError(f"the training cannot be repeated: its step {words[1]} failed: {said}")
    told = [line for line in done.stdout.splitlines() if line.startswith(f"{words[1]}: ")]
    return told[-1] if told else done.stdout.strip().rpartition("\n")[2]


def _own_variables(*, installs: bool = False) -> dict[str, str]:
    """Return the variables of this process without rights, and without the locks of a model's image."""
    own = processes.environment(installs=installs)
    return {name: value for name, value in own.items() if name != "SLIPWAY_LOCKS"}
