"""Train a version again: from the files of its commit, with the data, parameters and packages of its record."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from packaging.utils import canonicalize_name

from slipway import files, processes
from slipway import settings as settings_file
from slipway.artifacts import manifest
from slipway.artifacts.loading import SCHEMA
from slipway.containers import class_of
from slipway.errors import SlipwayError
from slipway.images.bundle import LOCK
from slipway.models import environment
from slipway.models.data import records
from slipway.overlays import documents
from slipway.schema import Schema
from slipway.settings import Settings
from slipway.settings.strict import FILE, read
from slipway.store import Record
from slipway.training.task import task_in

__all__ = ["Question", "agree", "answer", "digest", "laid_over", "moved", "pin", "retrain", "rows"]


class Question(Struct, frozen=True):
    """A data file, and the artifact of the model that reads it, in the repository at `root`."""

    root: Path
    model: str
    artifact: Path
    snapshot: Path


def pin(root: Path, record: Record, store: Path) -> Settings:
    """Rewrite the settings in `root` so that a training repeats that of the record, and publishes to `store` only.

    There are no gates: a model that got worse shows in its predictions. Raise `SlipwayError` when the settings do not
    know the model or the environment.
    """
    path = root / FILE
    content = (read(path.read_text(encoding="utf-8-sig")) if path.is_file() else None) or {}
    trained = _environment(record)
    known = content.get("environments", {}).get(trained)
    if known is None:
        problem = f"{FILE} of the commit that {record.id} was trained from has no environment {trained}"
        raise SlipwayError(problem, fix="it cannot be trained again as it was; train the model anew: slipway train")
    own = dict((content.get("models") or {}).get(record.model) or {})
    for name in ("pin", "per_environment"):  # they name environments that are left out
        own.pop(name, None)
    if record.training is not None:
        own["parameters"] = record.training.parameters
    if record.data is not None and record.data.share is not None:
        own["held_out"] = record.data.share
    content["environments"] = {trained: {"store": str(store), "namespace": known["namespace"]}}
    content["models"] = {record.model: {**own, "gates": {}}}
    files.write(path, documents.format(content))
    settings = settings_file.load(root)
    settings.model(record.model)
    return settings


def agree(root: Path, lock: str) -> None:
    """Have environments that are made in `root` take the versions of `lock`, unless the model pins others."""
    path = root / LOCK
    known = path.read_text(encoding="utf-8") if path.is_file() else ""
    files.write(path, laid_over(known, lock).encode())


def retrain(settings: Settings, record: Record, snapshot: Path, folder: Path, report: Callable[[str], None]) -> Path:
    """Run the steps that make an artifact, each in a folder below `folder`, and return the artifact's folder.

    The step `test` is left out, because the artifact does not depend on it. Raise `SlipwayError` with the words of a
    step that fails.
    """
    first = ["--model", record.model, "--env", _environment(record), "--data", str(snapshot)]
    source: list[str] = first
    for name in ("fetch", "check", "fit", "evaluate"):
        target = folder / name
        line = _slipway(settings, folder, "step", name, *source, "--out", str(target))
        report(f"  {line}")
        source = ["--in", str(target)]
    return folder / "evaluate" / "artifact"


def rows(settings: Settings, record: Record, snapshot: Path, artifact: Path) -> list[dict[str, Any]]:
    """Return all rows of the data as requests have them, read by the model of `artifact`, which was trained on it."""
    python = environment.python_for(environment.compile_lock(settings, record.model, "train"))
    question = Question(settings.root, record.model, artifact, snapshot)
    kind, env = list[dict[str, Any]], _own_variables()
    try:
        return processes.ask(python, __name__, question, answer=kind, env=env, cwd=artifact.parent)
    except SlipwayError as error:
        raise SlipwayError(f"the rows of the snapshot cannot be read: {error.problem}", fix=error.fix) from error


def answer(question: Question) -> list[dict[str, Any]]:
    """Read the rows in the model's environment, by today's code: modules of the commit may lie elsewhere."""
    schema = manifest.read_file(question.artifact, SCHEMA, Schema)
    kind = class_of(settings_file.load(question.root), question.model)
    model = kind(**manifest.read(question.artifact).parameters)
    return records(model.read(question.snapshot), schema.names)


def digest(folder: Path) -> str:
    """Return the training digest of the training that `retrain` left in `folder`."""
    return task_in(folder / "check").training_digest


def _environment(record: Record) -> str:
    """Return the environment that the version was trained for, not the one that it was promoted to."""
    return record.origin.environment if record.origin else record.environment


def _slipway(settings: Settings, folder: Path, *words: str) -> str:
    """Run a verb in a process of its own, and return the last line that it prints."""
    command = [sys.executable, "-P", "-m", "slipway", "-C", str(settings.root), *words]
    done = subprocess.run(
        command, cwd=folder, env=_variables(settings), capture_output=True, text=True, errors="replace", check=False
    )
    if done.returncode:
        said = done.stderr.strip().removeprefix("error: ")
        raise SlipwayError(f"the training cannot be repeated, its step {words[1]} fails: {said}")
    return done.stdout.strip().rpartition("\n")[2]


def _variables(settings: Settings) -> dict[str, str]:
    """Return the variables of a verb: it runs the platform's code of the commit, or ours if that has none."""
    source = settings.root / "src"
    has_own = (source / "slipway/__main__.py").is_file()
    return {**_own_variables(), "PYTHONPATH": str(source) if has_own else processes.SOURCE}


def _own_variables() -> dict[str, str]:
    """Return our own variables without those that give rights, or name the locks of a model's image."""
    return {name: value for name, value in processes.environment().items() if name != "SLIPWAY_LOCKS"}


_PACKAGE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==([^\s;\\]+)")


def laid_over(lock: str, other: str) -> str:
    """Return `lock` with every package of `other` in place of its own."""
    own = {name for name, _, _ in _blocks(other)}
    kept = [(name, block) for name, _, block in _blocks(lock) if name not in own]
    return "".join(block for _, block in sorted([*kept, *((name, block) for name, _, block in _blocks(other))]))


def moved(before: str, after: str) -> list[str]:
    """Return packages that have another version in `after`, or are in one lock only: `numpy 2.3.1 → 2.3.2`."""
    old, new = _versions(before), _versions(after)
    return [
        f"{name} {old.get(name, 'not there')} → {new.get(name, 'not there')}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def _versions(lock: str) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for name, version, _ in _blocks(lock):
        found.setdefault(name, set()).add(version)
    return {name: " and ".join(sorted(versions)) for name, versions in found.items()}


def _blocks(lock: str) -> Iterator[tuple[str, str, str]]:
    """Yield name, version and lines of each package; for several platforms, a package may occur more than once."""
    for block in re.split(r"^(?=\S)", lock, flags=re.MULTILINE):
        if match := _PACKAGE.match(block):
            yield canonicalize_name(match[1]), match[2], block if block.endswith("\n") else f"{block}\n"
