"""A second fit from the same inputs: it tells whether the training of a model can be repeated.

It runs in another process, with another working folder, another folder for temporary files and another order of sets.
Nothing that it finds changes the artifact: what a clock decides here is only whether it is made.
"""

from __future__ import annotations

import gc
import os
import resource
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from slipway import digests, files, processes
from slipway.artifacts.loading import load
from slipway.errors import SlipwayError
from slipway.images.comparison import compare
from slipway.models.data import records
from slipway.store.records import SecondFit
from slipway.training.task import Workspace

LONGEST = 20.0
"""Seconds: a fit that took longer is not repeated."""

_PATIENCE = 120.0
_MOST_ASKED = 1000
_OTHER_SEED = "4711"
_FITTING = "slipway.training.steps.fit"
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


class Clock:
    """The time of a fit: of the processor where that is less than by the clock, so that a busy machine counts less.

    A fit that waits, as for a network, counts with a third of its time.
    """

    def __init__(self) -> None:
        self._began = self._now()

    def seconds(self) -> float:
        """Return the seconds since the clock was made."""
        whole, computing = (after - before for before, after in zip(self._began, self._now(), strict=True))
        return max(min(whole, computing), whole / 3)

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.monotonic(), sum(os.times()[:4])


class First(NamedTuple):
    """The first fit: the digest of each file before and after estimators were converted, and how long it took."""

    saved: dict[str, str]
    artifact: dict[str, str]
    seconds: float


class Question(Struct, frozen=True):
    """Ask for a fit of the repository at `root`, in the folder of a step that holds its inputs."""

    root: Path
    folder: Path
    saved: dict[str, str]


def look(workspace: Workspace, inputs: Path, first: First) -> SecondFit:
    """Fit again from `inputs`, a copy of the step's folder as it was before."""
    if workspace.model.second_fit == "never":
        return SecondFit(result="not made", why=f"models.{workspace.task.model}.second_fit is never")
    if first.seconds > LONGEST:
        why = f"the first took {first.seconds:.0f} s, which is more than {LONGEST:g} s"
        return SecondFit(result="not made", why=why)
    gc.collect()
    if not _has_room():
        return SecondFit(result="not made", why="there is no memory for a second process as large as the first")
    found = _compared(workspace, inputs, first, {"PYTHONHASHSEED": _OTHER_SEED})
    if found.is_doubtful and _compared(workspace, inputs, first, {}, Path.cwd()).result == "same":
        return replace(found, only="with another order of sets, or from another working folder")
    return found


def _compared(
    workspace: Workspace, inputs: Path, first: First, env: dict[str, str], cwd: Path | None = None
) -> SecondFit:
    """Fit in a process of its own, in a folder of its own unless `cwd` is given, and compare the artifacts."""
    with TemporaryDirectory(dir=inputs.parent, prefix=".") as scratch:
        folder, temporary = Path(scratch) / "run", Path(scratch) / "temporary"
        files.link_tree(inputs, folder)
        temporary.mkdir()
        env = {**processes.environment(), **env, "TMPDIR": str(temporary)}
        question, kind = Question(workspace.settings.root, folder, first.saved), dict[str, str]
        started = time.monotonic()
        try:
            found = processes.ask(
                sys.executable, _FITTING, question, answer=kind, env=env, cwd=cwd or Path(scratch), patience=_PATIENCE
            )
        except SlipwayError as error:
            if time.monotonic() - started >= _PATIENCE:
                return SecondFit(result="not made", why=f"it took more than {_PATIENCE:g} s")
            return SecondFit(result="failed", why=error.problem)
        if not found or found == first.artifact:
            return SecondFit(result="same")
        return _asked(
            workspace, folder / "artifact", SecondFit(result="different", files=_apart(first.artifact, found))
        )


def _apart(one: Mapping[str, str], other: Mapping[str, str]) -> list[str]:
    return sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))


def digest_each(artifact: Path) -> dict[str, str]:
    """Return the digest of each file of an artifact."""
    return {path: digests.of_file(file) for path, file in digests.walk(artifact).items()}


def _asked(workspace: Workspace, other: Path, found: SecondFit) -> SecondFit:
    """Return what was found, and how far the answers of both artifacts to held-out rows agree."""
    with suppress(Exception):  # of the model's code: the step evaluate tells
        first, data = load(workspace.folder / "artifact"), workspace.data()
        rows = records(data[workspace.held_out(data)].head(_MOST_ASKED), first.schema.names)
        again = load(other)
        compared = compare(rows, first.answer_each(rows), again.answer_each(rows), first.manifest.tolerance)
        return replace(found, rows=compared.rows, alike=compared.within, largest_difference=compared.largest)
    return found


def _has_room() -> bool:
    """Return False where a second process as large as this one was would be killed, and this one with it."""
    pages = Path("/proc/self/statm")
    limits = [text for path in _LIMITS if path.is_file() and (text := path.read_text().strip()).isdecimal()]
    if not pages.is_file() or not limits:
        return True
    now = int(pages.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return now + largest < int(limits[0])
