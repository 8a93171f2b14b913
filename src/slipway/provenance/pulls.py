"""The pull requests by which a commit came to the branch that the cluster follows."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from slipway.errors import SlipwayError
from slipway.git import GitError

if TYPE_CHECKING:
    from slipway.git import Repository

__all__ = ["Pulls", "of_subject"]

_KEYS = ("number", "title", "url", "state", "branch", "base")

# What GitHub writes for a merge, and what it adds to a squash.
_MERGE = re.compile(r"Merge pull request #(\d{1,9}) from (\S+)")
_SQUASH = re.compile(r"(.*\S) \(#(\d{1,9})\)")


def of_subject(subject: str) -> dict[str, Any] | None:
    """The pull request that a commit's subject names, as `number`, and `title` or `branch`; None for none."""
    if match := _MERGE.fullmatch(subject.strip()):
        return {"number": int(match[1]), "branch": match[2]}
    if match := _SQUASH.fullmatch(subject.strip()):
        return {"number": int(match[2]), "title": match[1]}
    return None


class Pulls:
    """What is known of pull requests: read from the subjects of commits and, where there is a token, from GitHub."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._trouble = ""

    def of_commit(self, tip: str, commit: str) -> tuple[list[dict[str, Any]], list[str]]:
        """Those that brought `commit` into the history of `tip`, and notes on what could not be asked."""
        found: dict[int, dict[str, Any]] = {}
        merged = _landed(self._repository, tip, commit)
        if merged and (pull := of_subject(_subject_of(self._repository, merged))):
            found[pull["number"]] = {**pull, "commit": merged}
        for pull in self._asked(commit):
            found[pull["number"]] = found.get(pull["number"], {}) | pull
        return list(found.values()), [self._trouble] if self._trouble else []

    def _asked(self, commit: str) -> list[dict[str, Any]]:
        """What GitHub knows; nothing, and why, where it cannot be asked, which is not tried a second time."""
        if self._trouble or not (os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN")):
            return []
        try:
            # Imported here because its client takes long to import, and is of use only with a token.
            from slipway.github.api import connect

            pulls = connect(self._repository).pulls_of(commit)
        except ModuleNotFoundError as error:
            self._trouble = f"GitHub was not asked for pull requests: {error.name} is not installed"
        except SlipwayError as error:
            self._trouble = f"GitHub could not be asked for pull requests: {error.problem}"
        else:
            return [{key: getattr(pull, key) for key in _KEYS} for pull in pulls]
        return []


def _subject_of(repository: Repository, commit: str) -> str:
    """The first line of a commit's message."""
    return repository.run("log", "-1", "--format=%s", commit).decode(errors="replace").strip()


def _landed(repository: Repository, tip: str, commit: str) -> str | None:
    """The commit on the line of first parents that brought `commit`; None where the tip does not have it."""
    try:
        line = repository.run("rev-list", "--first-parent", tip).decode().split()
        if commit in line:
            return commit
        descendants = set(repository.run("rev-list", "--ancestry-path", f"{commit}..{tip}").decode().split())
    except GitError:  # a shallow clone
        return None
    return next((each for each in reversed(line) if each in descendants), None)
