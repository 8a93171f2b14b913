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


class Question(Struct, frozen=True):
    """The request for the rows of a data file: the model of an artifact reads them, in the repository at `root`."""

    root: Path
    model: str
    artifact: Path
    snapshot: Path


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
    if record.data is not None and record.data.share is not None:
        own["held_out"] = record.data.share
    content["environments"] = {trained: {"store": str(store), "namespace": known["namespace"]}}
    content["models"] = {record.model: {**own, "gates": {}}}
    files.write(path, documents.format(content))
    settings = settings_file.load(root)
    settings.model(record.model)
    return settings


def agree(root: Path, lock: str) -> None:
    """Make the environments of `root` use the versions of `lock`, unless the model pins other versions."""
    path = root / LOCK
    known = path.read_text(encoding="utf-8") if path.is_file() else ""
    files.write(path, laid_over(known, lock).encode())


def retrain(settings: Settings, record: Record, snapshot: Path, folder: Path, report: Callable[[str], None]) -> Path:
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


def rows(settings: Settings, record: Record, snapshot: Path, artifact: Path) -> list[dict[str, Any]]:
    """Return all rows of the data in the form of requests. The model of `artifact` reads them."""
    python = environment.python_for(environment.compile_lock(settings, record.model, "train"))
    question = Question(settings.root, record.model, artifact, snapshot)
    kind, env = list[dict[str, Any]], _own_variables()
    try:
        return processes.ask(python, __name__, question, answer=kind, env=env, cwd=artifact.parent)
    except SlipwayError as error:
        raise SlipwayError(f"the rows of the snapshot cannot be read: {error.problem}", fix=error.fix) from error


def answer(question: Question) -> list[dict[str, Any]]:
    """Return the rows. Run in the model's environment by the current code: the commit may have other modules."""
    schema = manifest.read_file(question.artifact, SCHEMA, Schema)
    kind = class_of(settings_file.load(question.root), question.model)
    model = kind(**manifest.read(question.artifact).parameters)
    return records(model.read(question.snapshot), schema.names)


def _environment(record: Record) -> str:
    """Return the environment that the version was trained for, also of a promoted version."""
    return record.origin.environment if record.origin else record.environment


def _slipway(settings: Settings, folder: Path, *words: str) -> str:
    """Run a verb in another process, and return its last line of output."""
    command = [sys.executable, "-P", "-m", "slipway", "-C", str(settings.root), *words]
    source = settings.root / "src"  # the platform of the commit
    env = {
        **_own_variables(),
        "PYTHONPATH": str(source if (source / "slipway/__main__.py").is_file() else processes.SOURCE),
    }
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        said = done.stderr.strip().removeprefix("error: ")
        raise SlipwayError(f"the training cannot be repeated: its step {words[1]} failed: {said}")
    return done.stdout.strip().rpartition("\n")[2]


def _own_variables() -> dict[str, str]:
    """Return the variables of this process without rights, and without the locks of a model's image."""
    return {name: value for name, value in processes.environment().items() if name != "SLIPWAY_LOCKS"}


_PACKAGE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==([^\s;\\]+)")


def laid_over(lock: str, other: str) -> str:
    """Return `lock` with every package of `other` in place of its own."""
    own = {name for name, _, _ in _blocks(other)}
    kept = [(name, block) for name, _, block in _blocks(lock) if name not in own]
    return "".join(block for _, block in sorted([*kept, *((name, block) for name, _, block in _blocks(other))]))


def moved(before: str, after: str) -> list[str]:
    """Return the packages with another version, or in one lock only, as `numpy 2.3.1 → 2.3.2`."""
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
    """Yield the name, version and lines of each package. A lock may have a package once for each platform."""
    for block in re.split(r"^(?=\S)", lock, flags=re.MULTILINE):
        if match := _PACKAGE.match(block):
            yield canonicalize_name(match[1]), match[2], block if block.endswith("\n") else f"{block}\n"
