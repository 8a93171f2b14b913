"""Trainings: decide by the training digest to declare one, to run one here, to ask a person, or to do nothing."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from slipway import processes
from slipway.errors import SlipwayError
from slipway.images import platform as platforms
from slipway.images.build import UNBUILT
from slipway.models.discovery import run_name, training_digest
from slipway.overlays.types import Overlay, Training
from slipway.release.due import held
from slipway.settings import ModelSettings, Settings
from slipway.settings.types import Occasion
from slipway.store import Record, Store

Kind = Literal["nothing", "declare", "runner", "message"]

_UNTRAINED = "no version was trained by this code"
_CHANGED = "its settings, its data or its tests have changed, which matters to later trainings"
_TAIL = 15
"""The number of output lines that the error of a failed training shows."""


class Wanted(NamedTuple):
    """The next action for the training of a model, and the reason. A message names the command for a person."""

    kind: Kind
    reason: str
    digest: str = ""
    """The training digest of the current code; empty if it was not needed."""


def decide(
    settings: Settings, store: Store, overlay: Overlay, declared: Training | None, occasion: Occasion = "as set"
) -> Wanted:
    """Return what the current code needs. `declared` is the declared training beside the overlay.

    Raise `SlipwayError` when the code of the model cannot be read.
    """
    if reason := _stopped(settings, overlay):
        return Wanted("nothing", reason)
    model = overlay.model
    repository = platforms.repository_digest(settings, model) if declared is not None else ""
    digest = training_digest(settings, model)
    return wanted(settings, overlay, _records(store, model), declared, digest, occasion, repository)


def wanted(
    settings: Settings,
    overlay: Overlay,
    records: Iterable[Record],
    declared: Training | None,
    digest: str,
    occasion: Occasion = "as set",
    repository: str = "",
) -> Wanted:
    """Decide by the records of a model's versions, newest first. Read only as many records as needed.

    `digest` is the training digest of the code, and `repository` the result of `repository_digest`. The code needs no
    training if a version has this digest and is not older than the serving release. A rejected version counts, too.
    """
    of = settings.model(overlay.model)
    if reason := _stopped(settings, overlay):
        return Wanted("nothing", reason, digest)
    branch = serving.record.branch if (serving := overlay.serving()) else ""
    if occasion == "scheduled" and branch not in ("", settings.branch):
        reason = f"the running release is from {branch}; a push to {settings.branch} trains again"
        return Wanted("nothing", reason, digest)
    newest, found = _trained(records, overlay, digest)
    behind = _behind(declared, of, digest, repository) and not _lacking(settings, overlay)
    if found is not None and not behind:
        return Wanted("nothing", f"v{found.version} was trained by this code", digest)
    if of.train == "manual" and occasion != "also manual":
        if newest is not None and newest.training is None:
            return Wanted("nothing", f"v{newest.version} was published by hand (train: manual)", digest)
        command = f"slipway train {overlay.model} --env {overlay.environment}"
        return Wanted("message", f"{_UNTRAINED}, and it trains by hand (train: manual): {command}", digest)
    if of.train == "declared":
        return _declared(settings, overlay, declared, digest, behind=behind)
    if occasion == "scheduled":
        return Wanted("nothing", "a scheduled run trains nothing; the next push does", digest)
    return Wanted("runner", _UNTRAINED, digest)


def awaited(settings: Settings, store: Store, overlay: Overlay, declared: Training | None) -> str:
    """Describe a training that is declared for the current code and has published nothing; "" if there is none."""
    model = overlay.model
    if declared is None or overlay.hold or settings.model(model).train == "manual":
        return ""
    digest = training_digest(settings, model)
    if declared.digest != digest or _trained(_records(store, model), overlay, digest)[1]:
        return ""
    return _since(model, declared)


def run(
    settings: Settings,
    model: str,
    environment: str,
    report: Callable[[str], None] = lambda _: None,
    fetched: Path | None = None,
) -> Record:
    """Train a model on this machine, in its own environment, publish the next version and return its record.

    Call `report` with each line of output. `fetched` is the result of the first step, where it is there already.
    Raise `SlipwayError` with the last lines when the training fails.
    """
    words = ["train", model, "--env", environment]
    said: deque[str] = deque(maxlen=_TAIL)
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        command = [sys.executable, "-P", "-m", "slipway", "-C", str(settings.root), *words, "--keep", scratch]
        command += ["--fetched", str(fetched)] if fetched else []
        variables = processes.environment(installs=True) | {"PYTHONPATH": processes.SOURCE}
        with processes.begin(command, env=variables, stderr=subprocess.STDOUT) as process:
            try:
                for line in process.stdout or ():
                    said.append(line.rstrip("\n"))
                    report(said[-1])
            except BaseException:
                process.terminate()
                raise
        path = Path(scratch) / "publish" / "version.json"
        if process.returncode == 0 and path.is_file():
            return msgspec.json.decode(path.read_bytes(), type=Record)
    tail = "\n  ".join(said) or "it printed nothing"
    raise SlipwayError(f"training {model} failed:\n  {tail}", fix=f"find the cause: slipway {' '.join(words)}")


def _records(store: Store, model: str) -> Iterator[Record]:
    """Yield the records of the versions, newest first."""
    return (store.record(model, version) for version in reversed(store.versions(model)))


def _stopped(settings: Settings, overlay: Overlay) -> str:
    source = settings.environment(overlay.environment).promotes_from
    if source is not None:
        return f"{overlay.environment} takes only what {source} has verified"
    return held(overlay.hold) if overlay.hold else ""


def _trained(records: Iterable[Record], overlay: Overlay, digest: str) -> tuple[Record | None, Record | None]:
    """Return the newest version, and the newest one of this code that no newer release replaced."""
    serving = overlay.serving()
    newest = None
    for record in records:
        newest = newest or record
        if serving is not None and record.version < serving.version:
            break
        if record.training is not None and record.training.digest == digest:
            return newest, record
    return newest, None


def _behind(declared: Training | None, of: ModelSettings, digest: str, repository: str) -> bool:
    """Return True if a declared training, its schedule or its service differs from the current code and settings."""
    if of.train != "declared":
        return False
    serves = "training" in of.services
    if declared is None:
        return of.schedule is not None or serves
    served = declared.service is not None
    now = (digest, repository, of.schedule, of.secrets, serves, of.training)
    before = (declared.digest, declared.repository, declared.schedule, declared.secrets, served, declared.settings)
    by_itself = bool(of.schedule or declared.schedule or serves or served)
    return before != now and (by_itself or declared.digest == digest)


def _declared(settings: Settings, overlay: Overlay, declared: Training | None, digest: str, *, behind: bool) -> Wanted:
    environment, model = overlay.environment, overlay.model
    if declared is not None and declared.digest == digest:
        return Wanted("declare", _CHANGED, digest) if behind else Wanted("nothing", _since(model, declared), digest)
    if lacking := _lacking(settings, overlay):
        where = f"environments.{environment} in slipway.yaml has no {' and no '.join(lacking)}"
        ways = f"add it, set models.{model}.train: runner, or slipway train {model} --env {environment}"
        return Wanted("message", f"a cluster cannot train it, because {where}; {ways}", digest)
    return Wanted("declare", _UNTRAINED, digest)


def _lacking(settings: Settings, overlay: Overlay) -> list[str]:
    """Return the settings that an environment lacks for trainings in a cluster: a bucket and a registry."""
    at = settings.environment(overlay.environment)
    found = [] if at.in_bucket else ["store: gs://BUCKET/PREFIX"]
    return [*found, *(["registry"] if at.registry == UNBUILT else [])]


def _since(model: str, declared: Training) -> str:
    name = run_name(model, declared.digest)
    return f"its training is declared since {declared.created}: argo get {name} shows its state"
