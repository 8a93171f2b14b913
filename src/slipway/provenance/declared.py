"""What the commits of the overlays say of a release: when and by whom it was declared, and when it was on the route."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from slipway.errors import SlipwayError
from slipway.names import ReleaseName
from slipway.overlays import documents
from slipway.overlays.overlay import MANIFESTS, RECORD, ROUTE, STATE, State, shares
from slipway.overlays.types import ReleaseRecord, folder_of

if TYPE_CHECKING:
    from slipway.git import Repository

__all__ = [
    "Commit",
    "Declared",
    "Rejection",
    "Share",
    "boundary",
    "everything",
    "followed",
    "manifests",
    "on_route",
    "records",
    "rejection",
]

_RECORD = re.compile(
    rf"overlays/([a-z][a-z0-9-]*)/([a-z][a-z0-9]*)/(v[1-9][0-9]{{0,8}}-[0-9a-f]{{8}})/{re.escape(RECORD)}"
)

_HEAD = re.compile(r"([0-9a-f]{40,64})\x02(\d+)\x02([^\x02]*)\x02(.*)")


class Commit(NamedTuple):
    """A commit on the line of first parents, where a merge stands for all that it brought."""

    id: str
    when: datetime
    who: str
    subject: str


class Declared(NamedTuple):
    """A release that is declared, or was once."""

    environment: str
    model: str
    name: ReleaseName
    tip: str
    """The commit whose history says so."""
    written: tuple[Commit, ...]
    """Newest first."""
    removed: Commit | None
    """The commit that took it away; None while it is declared."""

    def __str__(self) -> str:
        return f"{self.environment}/{self.model}/{self.name}"

    @property
    def path(self) -> str:
        """Its record within the repository."""
        return f"{folder_of(self.environment, self.model)}/{self.name}/{RECORD}"


class Share(NamedTuple):
    """From this commit on it got that many percent of the requests; 0 from when it was off the route."""

    commit: Commit
    percent: int


class Rejection(NamedTuple):
    """It was rolled back from."""

    commit: Commit
    reason: str


def followed(repository: Repository, branch: str) -> list[str]:
    """The commits to search: where the followed branch stands, as far as this clone knows, and what is checked out.

    What another has in its past is left out. Raises `SlipwayError` when there is no commit yet.
    """
    places = (f"refs/remotes/origin/{branch}", f"refs/heads/{branch}")
    found: list[str] = []
    for commit in [*(repository.commit_at(place) for place in places), repository.latest()]:
        if commit and not any(repository.contains(other, commit) for other in found):
            found = [*(other for other in found if not repository.contains(commit, other)), commit]
    return found


def boundary(repository: Repository) -> frozenset[str]:
    """The oldest commits of a shallow clone; empty for a whole one."""
    path = repository.root / repository.run("rev-parse", "--git-path", "shallow").decode().strip()
    return frozenset(path.read_text().split()) if path.is_file() else frozenset()


def everything(repository: Repository, tips: list[str]) -> list[Declared]:
    """Every release that the history of `tips` declares or ever declared, each from the first that knows it."""
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
    """The records of those whose record has `text` in it; raises `SlipwayError` for one that is damaged."""
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
    """The manifests that the record's commit declared beside it; empty where there are none."""
    name = f"{release.written[0].id}:{release.path.removesuffix(RECORD)}{MANIFESTS}"
    return repository.read([name])[name] or b""


def on_route(repository: Repository, release: Declared) -> list[Share]:
    """How its share of the requests changed, oldest first; empty for one that never had any."""
    found: list[Share] = []
    for commit, content in _contents(repository, release, ROUTE):
        percent = _percent(content, release)
        if percent != (found[-1].percent if found else 0):
            found.append(Share(commit, percent))
    return found


def rejection(repository: Repository, release: Declared) -> Rejection | None:
    """When it was rejected, if it still is."""
    found: Rejection | None = None
    for commit, content in _contents(repository, release, STATE):
        state = _state(content, release)
        if str(release.name) not in state.rejected:
            found = None
        elif found is None:
            found = Rejection(commit, state.hold.reason if state.hold else "")
    return found


def _contents(repository: Repository, release: Declared, file: str) -> Iterator[tuple[Commit, bytes]]:
    """A file beside the release, as each commit left it, oldest first."""
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
    except SlipwayError:  # changed by hand, and mended by a later commit or not: `status` tells
        return 0


def _state(content: bytes, release: Declared) -> State:
    if str(release.name).encode() not in content:
        return State()
    try:
        return msgspec.convert(documents.parse(content, STATE), State)
    except (SlipwayError, msgspec.ValidationError):
        return State()


def _log(repository: Repository, tip: str, path: str) -> Iterator[tuple[Commit, dict[str, str]]]:
    """The commits that changed `path`, newest first along the first parents, with {path: A, M or D}."""
    form = "--format=%x01%H%x02%ct%x02%an <%ae>%x02%s"
    options = ("--first-parent", "--diff-merges=first-parent", "--no-renames", "--name-status", form)
    log = repository.run("log", *options, tip, "--", path).decode(errors="replace")
    for entry in log.split("\x01")[1:]:
        head, *changes = entry.split("\n")
        if match := _HEAD.fullmatch(head):  # a subject with our own separators in it is nobody's release
            pairs = (line.split("\t", 1) for line in changes if "\t" in line)
            moment = datetime.fromtimestamp(int(match[2]), UTC)
            yield Commit(match[1], moment, match[3], match[4]), {path: status for status, path in pairs}
