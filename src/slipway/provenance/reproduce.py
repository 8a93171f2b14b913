"""`slipway reproduce`: train a version again from its record, and compare the predictions of both."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import NamedTuple

from slipway import digests
from slipway.artifacts import manifest
from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.images import comparison
from slipway.images.bundle import LOCK
from slipway.images.comparison import Compared
from slipway.provenance import commits, retraining
from slipway.provenance.subject import find, version_of
from slipway.settings import Settings
from slipway.store import Record, store_of
from slipway.store.records import Data, Training
from slipway.training.inputs import read_secrets
from slipway.training.task import task_in


class Reproduction(NamedTuple):
    """The result of training a version again."""

    record: Record
    digest: str
    """The digest of the new artifact."""
    differing: list[str]
    """Files that differ between the two artifacts, or that only one of them has."""
    compared: Compared
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
        return [
            f"{self.record.id}: {verdict}: {found.within} of {found.rows} predictions are the same",
            f"  artifact {self.record.artifact.digest[:8]}: {artifact}",
            f"  labels: equal on {found.labels} of {found.rows} rows{refused}",
            f"  numbers: {numbers if found.numbers else 'none in the predictions'}",
            *(f"  {example}" for example in found.examples),
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
    training, data = _known(record)
    name = _snapshot(record, data)
    with nullcontext(keep) if keep else tempfile.TemporaryDirectory(prefix="slipway-") as made:
        folder = Path(made).absolute()
        folder.mkdir(parents=True, exist_ok=True)
        return _reproduce(settings, record, training, name, folder, report)


def _reproduce(
    settings: Settings, record: Record, training: Training, snapshot: str, folder: Path, report: Callable[[str], None]
) -> Reproduction:
    store, model, commit = store_of(settings, record.environment), record.model, training.commit or ""
    root = commits.check_out(Repository(settings.root), commit, folder / "repository")
    report(f"{record.id}: trained at commit {commit[:12]} on {snapshot}")
    store.blobs.get({snapshot: record.attachments[snapshot]}, folder / "snapshot", what=str(record.id))
    before = store.fetch(record, folder / "before")
    pinned = retraining.pin(root, record, folder / "store")
    read_secrets(pinned.model(model).secrets)
    lock = (before / LOCK).read_text(encoding="utf-8") if (before / LOCK).is_file() else ""
    retraining.agree(root, lock)
    data = folder / "snapshot" / snapshot
    after = retraining.retrain(pinned, record, data, folder, report)
    rows = retraining.rows(pinned, record, data, after)
    report(f"  both predict the {len(rows)} rows of the snapshot")
    old = comparison.predictions(pinned, model, before, folder / "served" / "before", rows)
    new = comparison.predictions(pinned, model, after, folder / "served" / "after", rows)
    digest, differing = _differing(record, after)
    compared = comparison.compare(rows, old, new, manifest.read(before).tolerance)
    return Reproduction(record, digest, differing, compared, _notes(training, folder, lock, after))


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


def _known(record: Record) -> tuple[Training, Data]:
    """Return the training and its data. Raise `SlipwayError` when too little is known to repeat it."""
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
    return training, data


def _snapshot(record: Record, data: Data) -> str:
    """Return the name of the attachment that holds the data."""
    for name, file in record.attachments.items():
        if name.startswith("data/") and file.sha256 == data.sha256:
            return name
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
    elif moved := retraining.moved(lock, (after / LOCK).read_text(encoding="utf-8")):
        notes.append(f"packages with other versions: {', '.join(moved)}")
    digest = task_in(folder / "check").training_digest
    if digest != training.digest:
        notes.append(f"the training digest is {digest[:8]}, and was {training.digest[:8]}")
    return notes
