"""The run on GitHub Actions: its event and actors, and its summary, outputs and annotations."""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path
from typing import Any, Literal

import msgspec

from slipway.errors import SlipwayError
from slipway.github.markdown import fit

Level = Literal["notice", "warning", "error"]

_MOST_SUMMARY = 1_000_000  # bytes, below GitHub's limit of 1 MiB for a step
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


def inside() -> bool:
    """Return True if this process runs in GitHub Actions."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def actors() -> set[str]:
    """Return the logins that started and restarted this run. Outside of a run there are none."""
    names = {os.environ.get(f"GITHUB_{name}", "") for name in ("ACTOR", "TRIGGERING_ACTOR")}
    return names - {""} if inside() else set()


def summary(markdown: str) -> None:
    """Add markdown to the page of the run, cut to GitHub's limit."""
    text = fit(markdown.rstrip("\n") + "\n\n", _MOST_SUMMARY // max(_width(markdown), 1))
    _append("GITHUB_STEP_SUMMARY", text)


def output(name: str, value: str) -> None:
    """Set an output of the step to any text. Raise `SlipwayError` for a name that GitHub refuses."""
    if not _NAME.fullmatch(name):
        raise SlipwayError(f"{name!r} cannot be the name of an output", fix="letters, digits, - and _ are taken")
    # The end mark is random, so that no value can contain it on purpose.
    end = f"end-{secrets.token_hex(16)}"
    _append("GITHUB_OUTPUT", f"{name}<<{end}\n{value}\n{end}\n")


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


def _width(text: str) -> int:
    """Return the number of bytes of the widest character."""
    return max((len(character.encode(errors="backslashreplace")) for character in set(text)), default=1)


def fork() -> str:
    """Return the fork that this run's pull request comes from, or "" if there is none.

    Raise `SlipwayError` when the event of the pull request cannot be read.
    """
    if not _is_pull():
        return ""
    try:
        here, there = (_name(_request()[side]["repo"]) for side in ("base", "head"))
    except (KeyError, TypeError) as error:
        raise _unreadable() from error
    return "" if there == here else there


def number() -> int:
    """Return the number of this run's pull request. Raise `SlipwayError` when a different event started the run."""
    if not _is_pull():
        raise SlipwayError("no pull request has started this", fix="run it in GitHub Actions, on pull_request")
    try:
        return int(_request()["number"])
    except (KeyError, TypeError, ValueError) as error:
        raise _unreadable() from error


def _is_pull() -> bool:
    return os.environ.get("GITHUB_EVENT_NAME", "").startswith("pull_request")


def _request() -> Any:
    try:
        return msgspec.json.decode(Path(os.environ.get("GITHUB_EVENT_PATH", "")).read_bytes())["pull_request"]
    except (OSError, msgspec.DecodeError, KeyError, TypeError) as error:
        raise _unreadable() from error


def _unreadable() -> SlipwayError:
    path = os.environ.get("GITHUB_EVENT_PATH", "")
    fix = "GITHUB_EVENT_PATH has to name the file that the runner wrote"
    return SlipwayError(f"the event of the pull request cannot be read from {path}", fix=fix)


def _name(repository: Any) -> str:
    """Return `owner/name`. GitHub sends null for a deleted repository."""
    return str(repository["full_name"]) if repository is not None else "a repository that is gone"
