"""The pull request of a run: its number, and where it comes from, as people of another repository may do less."""

import os
from pathlib import Path
from typing import Any

import msgspec

from slipway.errors import SlipwayError

__all__ = ["fork", "number"]


def fork() -> str:
    """The repository that this run's pull request comes from, where it is another one; else, and outside of one, empty.

    Raises `SlipwayError` when the event of a pull request cannot be read: who it is from would be a guess.
    """
    if not _is_pull():
        return ""
    try:
        here, there = (_name(_request()[side]["repo"]) for side in ("base", "head"))
    except (KeyError, TypeError) as error:
        raise _unreadable() from error
    return "" if there == here else there


def number() -> int:
    """The number of this run's pull request; raises `SlipwayError` outside of one."""
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
    """`owner/name`; a repository that was deleted meanwhile is null."""
    return str(repository["full_name"]) if repository is not None else "a repository that is gone"
