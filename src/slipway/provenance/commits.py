"""Commits: the releases that they declare, the pull requests that brought them, and their files."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from slipway.errors import SlipwayError
from slipway.git import GitError, Repository
from slipway.git.line_ends import EXACT
from slipway.names import MODEL_NAME, ModelId, ReleaseName
from slipway.overlays import documents
from slipway.overlays.overlay import RECORD, ROUTE, STATE, State, shares
from slipway.overlays.types import ReleaseRecord, folder_of

_RECORD = re.compile(
    rf"overlays/([a-z][a-z0-9-]*)/({MODEL_NAME})/(v[1-9][0-9]{{0,8}}-[0-9a-f]{{8}})/{re.escape(RECORD)}"
)
_HEAD = re.compile(r"([0-9a-f]{40,64}) (\d+) (.*)")

# What GitHub writes for a merge, and what it adds to a squash.
_MERGE = re.compile(r"Merge pull request #(\d{1,9}) from (\S+)")
_SQUASH = re.compile(r"(.*\S) \(#(\d{1,9})\)")
_PULL_KEYS = ("number", "title", "url", "state", "branch", "base")

# A check-out runs no hook or filter of the user, and fetches no large files from elsewhere.
_PLAIN = (
    *("-c", "core.hooksPath=/dev/null"),
    *("-c", "filter.lfs.smudge="),
    *("-c", "filter.lfs.process="),
    *("-c", "filter.lfs.required=false"),
)


class Commit(NamedTuple):
    """A first-parent commit. A merge stands for all commits that it brought."""

    id: str
    when: datetime
    who: str
    subject: str


class Declared(NamedTuple):
    """A release that is declared now, or was declared in the past."""

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
    def model_id(self) -> ModelId:
        return ModelId(self.model, self.environment, self.name.version)

    @property
    def path(self) -> str:
        """The path of its record in the repository."""
        return f"{folder_of(self.environment, self.model)}/{self.name}/{RECORD}"

    @property
    def source(self) -> str:
        """The name of the newest record for git: `<commit>:<path>`."""
        return f"{self.written[0].id}:{self.path}"


def followed(repository: Repository, branch: str) -> list[str]:
    """Return the commits to search: the head of the followed branch as this clone knows it, and the checked-out one.

    Leave out an ancestor of another one. Raise `SlipwayError` when there is no commit yet.
    """
    places = (f"refs/remotes/origin/{branch}", f"refs/heads/{branch}")
    found: list[str] = []
    for commit in [*map(repository.commit_at, places), repository.latest()]:
        if commit and not any(repository.contains(other, commit) for other in found):
            found = [*(other for other in found if not repository.contains(commit, other)), commit]
    return found


def boundary(repository: Repository) -> frozenset[str]:
    """Return the oldest commits of a shallow clone. Return an empty set for a whole clone."""
    path = _inside(repository, "shallow")
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
    """Return the records that contain `text`. Raise `SlipwayError` for a damaged one."""
    contents = repository.read([release.source for release in releases])
    found = {}
    for release in releases:
        content = contents[release.source]
        if content is not None and text.encode() in content:
            try:
                found[release] = msgspec.convert(documents.parse(content, release.path), ReleaseRecord)
            except msgspec.ValidationError as error:
                raise documents.damaged(release.path, f"does not hold what slipway writes there: {error}") from error
    return found


def files(repository: Repository, release: Declared) -> dict[str, bytes]:
    """Return the files of a release's folder: as they are, or as they were when it was removed."""
    last = f"{release.removed.id}^" if release.removed else release.tip
    return repository.files(last, release.path.removesuffix(f"/{RECORD}"))


def on_route(repository: Repository, release: Declared) -> list[tuple[Commit, int]]:
    """Return the commits that changed a release's share of the requests, oldest first, with the new percentage."""
    found: list[tuple[Commit, int]] = []
    for commit, route in _documents(repository, release, ROUTE):
        percent = 0
        with suppress(SlipwayError):
            percent = shares(route, release.model, ROUTE).get(release.name, 0) if route else 0
        if percent != (found[-1][1] if found else 0):
            found.append((commit, percent))
    return found


def rejection(repository: Repository, release: Declared) -> tuple[Commit, str] | None:
    """Return the commit that rolled back from a release, and its reason; None if the release is not rejected now."""
    found: tuple[Commit, str] | None = None
    for commit, document in _documents(repository, release, STATE):
        state = State()
        with suppress(msgspec.ValidationError):
            state = msgspec.convert(document, State)
        if str(release.name) not in state.rejected:
            found = None
        elif found is None:
            found = commit, state.hold.reason if state.hold else ""
    return found


def _documents(repository: Repository, release: Declared, file: str) -> Iterator[tuple[Commit, dict[str, Any]]]:
    """Yield a file of the release's overlay at each commit that changed it, oldest first.

    Yield {} for a file without the release, and for a damaged one, which a person may have mended later.
    """
    path = f"{folder_of(release.environment, release.model)}/{file}"
    commits = [commit for commit, _ in _log(repository, release.tip, path)]
    contents = repository.read([f"{commit.id}:{path}" for commit in commits])
    for commit in reversed(commits):
        content, document = contents[f"{commit.id}:{path}"] or b"", {}
        with suppress(SlipwayError):
            document = documents.parse(content, path) if str(release.name).encode() in content else {}
        yield commit, document


def _log(repository: Repository, tip: str, path: str) -> Iterator[tuple[Commit, dict[str, str]]]:
    """Yield the first-parent commits that changed `path`, newest first, with {path: A, M or D}."""
    form = "--format=%x00%H %ct %an <%ae>%n%s"
    options = ("--first-parent", "--diff-merges=first-parent", "--no-renames", "--name-status", form)
    log = repository.run("log", *options, tip, "--", path).decode(errors="replace")
    for entry in log.split("\0")[1:]:
        head, subject, *changes = entry.split("\n")
        if match := _HEAD.fullmatch(head):
            pairs = (line.split("\t", 1) for line in changes if "\t" in line)
            moment = datetime.fromtimestamp(int(match[2]), UTC)
            yield Commit(match[1], moment, match[3], subject), {path: status for status, path in pairs}


def pull_in(subject: str) -> dict[str, Any] | None:
    """Return the `number` and the `title` or `branch` of the pull request that the subject of a commit names."""
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
        subject = self._repository.run("log", "-1", "--format=%s", merged).decode(errors="replace") if merged else ""
        if pull := pull_in(subject):
            found[pull["number"]] = {**pull, "commit": merged}
        for pull in self._of_github(commit):
            found[pull["number"]] = found.get(pull["number"], {}) | pull
        return list(found.values()), [self._trouble] if self._trouble else []

    def _of_github(self, commit: str) -> list[dict[str, Any]]:
        """Return the pull requests that GitHub knows. After a failure, keep the reason and do not ask again."""
        if self._trouble or not (os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN")):
            return []
        try:
            # The client takes long to import, and is needed only with a token.
            from slipway.github.api import connect

            pulls = connect(self._repository).pulls_of(commit)
        except ModuleNotFoundError as error:
            self._trouble = f"GitHub was not asked for pull requests: {error.name} is not installed"
        except SlipwayError as error:
            self._trouble = f"GitHub could not be asked for pull requests: {error.problem}"
        else:
            return [{key: getattr(pull, key) for key in _PULL_KEYS} for pull in pulls]
        return []


def _landed(repository: Repository, tip: str, commit: str) -> str | None:
    """Return the first-parent commit of `tip` that brought `commit`, or None if `tip` does not contain it."""
    try:
        line = repository.run("rev-list", "--first-parent", tip).decode().split()
        if commit in line:
            return commit
        descendants = set(repository.run("rev-list", "--ancestry-path", f"{commit}..{tip}").decode().split())
    except GitError:  # a shallow clone
        return None
    return next((each for each in reversed(line) if each in descendants), None)


def check_out(repository: Repository, commit: str, target: Path) -> Path:
    """Check out the files of a commit, without its overlays, into a new repository at `target`, and return `target`.

    Only read the given repository. Raise `SlipwayError` when this clone does not have the commit.
    """
    if repository.commit_at(commit) is None:
        raise absent(repository, commit)
    kind = repository.run("rev-parse", "--show-object-format").decode().strip()
    repository.run("init", "--quiet", "--template=", f"--object-format={kind}", str(target.absolute()))
    # Share the objects: a clone of a shallow clone would copy them.
    info = target / ".git/objects/info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "alternates").write_text(f"{_inside(repository, 'objects')}\n")
    # Nobody's configuration or attributes change a byte.
    own = target / ".git/info/attributes"
    own.parent.mkdir(exist_ok=True)
    own.write_text(f"{EXACT} -ident -working-tree-encoding\n")
    if (shallow := _inside(repository, "shallow")).is_file():
        shutil.copyfile(shallow, target / ".git/shallow")
    made = Repository(target)
    made.run("update-ref", "--no-deref", "HEAD", commit)
    made.run("checkout", "--quiet", commit, "--", ".", ":(exclude)overlays", by=_PLAIN)
    return target


def absent(repository: Repository, commit: str) -> SlipwayError:
    """Return the error for a commit that this clone does not have."""
    fix = f"git fetch origin {commit}; or git fetch --all, or ask its author to push the branch"
    return SlipwayError(f"the commit {commit[:12]} is not in this clone, {repository.root}", fix=fix)


def _inside(repository: Repository, name: str) -> Path:
    """Return a path in the git directory, which may be that of a linked work tree."""
    return (repository.root / repository.run("rev-parse", "--git-path", name).decode().strip()).resolve()
