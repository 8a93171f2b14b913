"""The run on GitHub Actions: its event and actors, and its summary, outputs and annotations."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

from slipway.errors import SlipwayError
from slipway.github.markdown import fit

T = TypeVar("T")
Level = Literal["notice", "warning", "error"]

_MOST_SUMMARY = 1_000_000  # bytes, below GitHub's limit of 1 MiB for a step
_MOST_OUTPUT = 500_000  # characters: all outputs of a job may have 1 MB, in UTF-16
_LEAST_SUMMARY = 5_000
"""Bytes in which a part of a summary and the note that it is cut have room."""
JOBS = 256
"""The most jobs of a matrix."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def inside() -> bool:
    """Return True if this process runs in GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def actors() -> set[str]:
    """Return the logins that started and restarted this run. Outside of a run there are none."""
    names = {os.environ.get(f"GITHUB_{name}", "") for name in ("ACTOR", "TRIGGERING_ACTOR")}
    return names - {""} if inside() else set()


def summary(markdown: str) -> None:
    """Add markdown to the page of the run, cut to GitHub's limit for all that a step adds."""
    path = Path(os.environ.get("GITHUB_STEP_SUMMARY", ""))
    room = _MOST_SUMMARY - (path.stat().st_size if path.is_file() else 0)
    widest = max((len(each.encode(errors="backslashreplace")) for each in set(markdown)), default=1)
    if room > _LEAST_SUMMARY:
        _append("GITHUB_STEP_SUMMARY", fit(markdown.rstrip("\n") + "\n\n", room // widest))


def output(name: str, value: str) -> None:
    """Set an output of the step to any text. Raise `SlipwayError` for a name or a length that GitHub refuses."""
    if not _NAME.fullmatch(name):
        raise SlipwayError(f"{name!r} cannot be the name of an output", fix="letters, digits, - and _ are taken")
    if len(value) > _MOST_OUTPUT:
        problem = f"the output {name} has {len(value):,} characters, and GitHub takes {_MOST_OUTPUT:,} of a job"
        raise SlipwayError(problem, fix="do less in one run: name some of the models")
    # The end mark is random, so that no value can contain it on purpose.
    end = f"end-{secrets.token_hex(16)}"
    _append("GITHUB_OUTPUT", f"{name}<<{end}\n{value}\n{end}\n")


def matrix(name: str, values: Sequence[str]) -> None:
    """Set an output to the values of a matrix, which GitHub limits. The next run has to find the rest."""
    if len(values) > JOBS:
        annotate("warning", f"{len(values) - JOBS} of {len(values)} are left to the next run")
    output(name, msgspec.json.encode(values[:JOBS]).decode())


def annotate(level: Level, message: str) -> None:
    """Show a message at the top of the run's page."""
    if inside():
        safe = message.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
        print(f"::{level}::{safe}", flush=True)  # noqa: T201 - how a step speaks to the runner


def _append(variable: str, text: str) -> None:
    path = os.environ.get(variable, "") if inside() else ""
    if not path:
        return
    try:
        with Path(path).open("a", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.write(text)
    except OSError as error:
        problem = f"{variable} names {path}, which cannot be written: {error.strerror}"
        raise SlipwayError(problem, fix="run it as a step of a workflow, or without GITHUB_ACTIONS") from error


def fork() -> str:
    """Return the fork that this run's pull request comes from, or "" if there is none.

    Raise `SlipwayError` when the event of the pull request cannot be read.
    """
    if not _is_pull():
        return ""
    here, there = _name("base"), _name("head")
    return "" if there == here else there


def number() -> int:
    """Return the number of this run's pull request. Raise `SlipwayError` when a different event started the run."""
    if not _is_pull():
        raise SlipwayError("no pull request has started this", fix="run it in GitHub Actions, on pull_request")
    return _read(int, "number")


def _is_pull() -> bool:
    return os.environ.get("GITHUB_EVENT_NAME", "").startswith("pull_request")


def _name(side: str) -> str:
    """Return `owner/name`. GitHub sends null for a deleted repository."""
    gone = _read(dict, side).get("repo", side) is None
    return "a repository that is gone" if gone else _read(str, side, "repo", "full_name")


def _read(kind: type[T], *keys: str) -> T:
    """Return a value of the pull request in this run's event."""
    path = os.environ.get("GITHUB_EVENT_PATH", "")
    try:
        found = msgspec.json.decode(Path(path).read_bytes())["pull_request"]
        for key in keys:
            found = found[key]
        return msgspec.convert(found, kind)
    except (OSError, msgspec.MsgspecError, KeyError, TypeError) as error:
        fix = "GITHUB_EVENT_PATH has to name the file that the runner wrote"
        raise SlipwayError(f"the event of the pull request cannot be read from {path}", fix=fix) from error
