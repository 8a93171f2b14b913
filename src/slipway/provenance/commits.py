"""Commits of the overlays: what they tell of a release, and the pull requests that brought them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from slipway.errors import SlipwayError
from slipway.git import GitError, Repository
from slipway.names import ReleaseName
from slipway.overlays import documents
from slipway.overlays.overlay import MANIFESTS, RECORD, ROUTE, STATE, State, shares
from slipway.overlays.types import ReleaseRecord, folder_of

__all__ = [
    "Commit",
    "Declared",
    "Pulls",
    "Rejection",
    "Share",
    "boundary",
    "everything",
    "followed",
    "manifests",
    "on_route",
    "pull_in",
    "records",
    "rejection",
]

_RECORD = re.compile(
    rf"overlays/([a-z][a-z0-9-]*)/([a-z][a-z0-9]*)/(v[1-9][0-9]{{0,8}}-[0-9a-f]{{8}})/{re.escape(RECORD)}"
)
_HEAD = re.compile(r"([0-9a-f]{40,64})\x02(\d+)\x02([^\x02]*)\x02(.*)")

# What GitHub writes for a merge, and what it adds to a squash.
_MERGE = re.compile(r"Merge pull request #(\d{1,9}) from (\S+)")
_SQUASH = re.compile(r"(.*\S) \(#(\d{1,9})\)")
_PULL_KEYS = ("number", "title", "url", "state", "branch", "base")


class Commit(NamedTuple):
    """A commit on the line of first parents, where a merge stands for all that it brought."""

    id: str
    when: datetime
    who: str
    subject: str


class Declared(NamedTuple):
    """A release that is declared, or once was."""

    environment: str
    model: str
    name: ReleaseName
    tip: str
    """The commit whose history declares it."""
    written: tuple[Commit, ...]
    """The commits that wrote its record, newest first."""
    removed: Commit | None
    """The commit that removed it; None while it is declared."""

    def __str__(self) -> str:
        return f"{self.environment}/{self.model}/{self.name}"

    @property
    def path(self) -> str:
        """The path of its record in the repository."""
        return f"{folder_of(self.environment, self.model)}/{self.name}/{RECORD}"


class Share(NamedTuple):
    """The percentage of the requests that a release got from this commit on; 0 when it was off the route."""

    commit: Commit
    percent: int


class Rejection(NamedTuple):
    """The rollback from a release."""

    commit: Commit
    reason: str


def followed(repository: Repository, branch: str) -> list[str]:
    """Return the commits to search: the head of the followed branch as this clone knows it, and what is checked out.

    A commit in the past of another one is left out. Raise `SlipwayError` when there is no commit yet.
    """
    places = (f"refs/remotes/origin/{branch}", f"refs/heads/{branch}")
    found: list[str] = []
    for commit in [*(repository.commit_at(place) for place in places), repository.latest()]:
        if commit and not any(repository.contains(other, commit) for other in found):
            found = [*(other for other in found if not repository.contains(commit, other)), commit]
    return found


def boundary(repository: Repository) -> frozenset[str]:
    """Return the oldest commits of a shallow clone; nothing for a whole one."""
    path = repository.root / repository.run("rev-parse", "--git-path", "shallow").decode().strip()
    return frozenset(path.read_text().split()) if path.is_file() else frozenset()


def everything(repository: Repository, tips: list[str]) -> list[Declared]:
    """Return every release that the history of `tips` ever declared, each from the first tip that knows it."""
    found: dict[tuple[str, ...], Declared] = {}
    for tip in tips:
        written: dict[tuple[str, ...], list[Commit]] = {}
        removed: dict[tuple[str, ...], Commit] = {}
        for commit, changes in _log(repository, tip, f":(glob)overlays/*/*/v*/{RECORD}"):
            for path, status in changes.items():
                if match := _RECORD.fullmatch(path):
                    key = match.groups()
                    if status != "D":
                        written.setdefault(key, []).append(commit)
                    elif key not in written:
                        removed.setdefault(key, commit)
        for key, commits in written.items():
            name = ReleaseName.parse(key[2])
            found.setdefault(key, Declared(key[0], key[1], name, tip, tuple(commits), removed.get(key)))
    return list(found.values())


def records(repository: Repository, releases: list[Declared], text: str = "") -> dict[Declared, ReleaseRecord]:
    """Return the records that contain `text`; raise `SlipwayError` for a damaged one."""
    names = {release: f"{release.written[0].id}:{release.path}" for release in releases}
    contents = repository.read(list(names.values()))
    found = {}
    for release, name in names.items():
        content = contents[name]
        if content is not None and text.encode() in content:
            try:
                found[release] = msgspec.convert(documents.parse(content, release.path), ReleaseRecord)
            except msgspec.ValidationError as error:
                raise documents.damaged(release.path, f"does not hold what slipway writes there: {error}") from error
    return found


def manifests(repository: Repository, release: Declared) -> bytes:
    """Return the manifests beside the record, at its newest commit; nothing when there are none."""
    name = f"{release.written[0].id}:{release.path.removesuffix(RECORD)}{MANIFESTS}"
    return repository.read([name])[name] or b""


def on_route(repository: Repository, release: Declared) -> list[Share]:
    """Return the changes of its share of the requests, oldest first; nothing when it never had a share."""
    found: list[Share] = []
    for commit, content in _contents(repository, release, ROUTE):
        percent = _percent(content, release)
        if percent != (found[-1].percent if found else 0):
            found.append(Share(commit, percent))
    return found


def rejection(repository: Repository, release: Declared) -> Rejection | None:
    """Return the rejection of a release that is still rejected."""
    found: Rejection | None = None
    for commit, content in _contents(repository, release, STATE):
        state = _state(content, release)
        if str(release.name) not in state.rejected:
            found = None
        elif found is None:
            found = Rejection(commit, state.hold.reason if state.hold else "")
    return found


def _contents(repository: Repository, release: Declared, file: str) -> Iterator[tuple[Commit, bytes]]:
    """Yield a file of the release's overlay at each commit that changed it, oldest first."""
    path = f"{folder_of(release.environment, release.model)}/{file}"
    commits = [commit for commit, _ in _log(repository, release.tip, path)]
    contents = repository.read([f"{commit.id}:{path}" for commit in commits])
    for commit in reversed(commits):
        yield commit, contents[f"{commit.id}:{path}"] or b""


def _percent(content: bytes, release: Declared) -> int:
    if f"{release.model}-{release.name}".encode() not in content:
        return 0
    path = f"{folder_of(release.environment, release.model)}/{ROUTE}"
    try:
        return shares(documents.parse(content, path), release.model, path).get(release.name, 0)
    except SlipwayError:  # a person damaged it, and perhaps mended it in a later commit: `status` tells
        return 0


def _state(content: bytes, release: Declared) -> State:
    if str(release.name).encode() not in content:
        return State()
    try:
        return msgspec.convert(documents.parse(content, STATE), State)
    except (SlipwayError, msgspec.ValidationError):
        return State()


def _log(repository: Repository, tip: str, path: str) -> Iterator[tuple[Commit, dict[str, str]]]:
    """Yield the commits that changed `path`, newest first along the first parents, with {path: A, M or D}."""
    form = "--format=%x01%H%x02%ct%x02%an <%ae>%x02%s"
    options = ("--first-parent", "--diff-merges=first-parent", "--no-renames", "--name-status", form)
    log = repository.run("log", *options, tip, "--", path).decode(errors="replace")
    for entry in log.split("\x01")[1:]:
        head, *changes = entry.split("\n")
        if match := _HEAD.fullmatch(head):  # a subject that holds our separators belongs to no release
            pairs = (line.split("\t", 1) for line in changes if "\t" in line)
            moment = datetime.fromtimestamp(int(match[2]), UTC)
            yield Commit(match[1], moment, match[3], match[4]), {path: status for status, path in pairs}


def pull_in(subject: str) -> dict[str, Any] | None:
    """Return the pull request that a commit's subject names: its `number`, and `title` or `branch`."""
    if match := _MERGE.fullmatch(subject.strip()):
        return {"number": int(match[1]), "branch": match[2]}
    if match := _SQUASH.fullmatch(subject.strip()):
        return {"number": int(match[2]), "title": match[1]}
    return None


class Pulls:
    """Pull requests, read from the subjects of commits and, if there is a token, from GitHub."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._trouble = ""

    def of_commit(self, tip: str, commit: str) -> tuple[list[dict[str, Any]], list[str]]:
        """Return the pull requests that brought `commit` into the history of `tip`, and notes on failures."""
        found: dict[int, dict[str, Any]] = {}
        merged = _landed(self._repository, tip, commit)
        if merged and (pull := pull_in(_subject_of(self._repository, merged))):
            found[pull["number"]] = {**pull, "commit": merged}
        for pull in self._of_github(commit):
            found[pull["number"]] = found.get(pull["number"], {}) | pull
        return list(found.values()), [self._trouble] if self._trouble else []

    def _of_github(self, commit: str) -> list[dict[str, Any]]:
        """Ask GitHub; after a failure, keep the reason and do not ask again."""
        if self._trouble or not (os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN")):
            return []
        try:
            # Its client takes long to import, and is needed only with a token.
            from slipway.github.api import connect

            pulls = connect(self._repository).pulls_of(commit)
        except ModuleNotFoundError as error:
            self._trouble = f"GitHub was not asked for pull requests: {error.name} is not installed"
        except SlipwayError as error:
            self._trouble = f"GitHub could not be asked for pull requests: {error.problem}"
        else:
            return [{key: getattr(pull, key) for key in _PULL_KEYS} for pull in pulls]
        return []


def _subject_of(repository: Repository, commit: str) -> str:
    return repository.run("log", "-1", "--format=%s", commit).decode(errors="replace").strip()


def _landed(repository: Repository, tip: str, commit: str) -> str | None:
    """Return the commit on the line of first parents that brought `commit`; None when `tip` does not have it."""
    try:
        line = repository.run("rev-list", "--first-parent", tip).decode().split()
        if commit in line:
            return commit
        descendants = set(repository.run("rev-list", "--ancestry-path", f"{commit}..{tip}").decode().split())
    except GitError:  # a shallow clone
        return None
    return next((each for each in reversed(line) if each in descendants), None)
