"""The history of what runs, read from the commits of the overlays."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.gitops import release_folder
from slipway.gitops.snapshot import Snapshot
from slipway.names import ReleaseName
from slipway.overlays import documents
from slipway.overlays import overlay as overlays
from slipway.overlays.overlay import KUSTOMIZATION, MANIFESTS, RECORD, ROUTE, STATE, State, shares
from slipway.overlays.types import Hold, Overlay, Release, folder_of
from slipway.settings import Settings
from slipway.text import format_time, parse_time

_FILE = re.compile(
    rf"overlays/(?P<environment>[^/]+)/(?P<model>[^/]+)/"
    rf"(?:{re.escape(ROUTE)}|{re.escape(STATE)}|(?P<release>v[0-9]+-[0-9a-f]{{8}})/(?:{re.escape(MANIFESTS)}|{re.escape(KUSTOMIZATION)}))"
)
# The words of git; `revert.reference` shortens the id.
_REVERTS = "This reverts commit "
_REVERTED = re.compile(rf"^{_REVERTS}([0-9a-f]{{7,64}})", re.MULTILINE)


Route = Mapping[ReleaseName, int]


class Event(NamedTuple):
    """Describe one change of what runs."""

    when: datetime
    who: str
    commit: str
    environment: str
    model: str
    what: str


class Moment(NamedTuple):
    """Hold the overlays that a commit declared at a time; `commit` is None before the first one."""

    time: datetime
    commit: str | None
    since: datetime | None
    overlays: list[Overlay]


class _Commit(NamedTuple):
    id: str
    parent: str
    when: datetime
    who: str
    changed: dict[tuple[str, str], set[str]]
    """The releases whose manifests the commit wrote, by environment and model."""


class _Side(NamedTuple):
    """Hold the content of the route and state files of a commit."""

    route: Route
    state: State


def events(settings: Settings, models: Sequence[str] = (), environment: str | None = None) -> list[Event]:
    """Return every change of what runs of `models` (by default all), newest first, along the first parents."""
    if environment is not None:
        settings.environment(environment)
    repository = _whole(settings)
    folder = f"overlays/{environment}/" if environment else "overlays/"
    commits = [commit for commit in _commits(repository, folder) if commit.changed]
    wanted = [
        (commit, where)
        for commit in commits
        for where in sorted(commit.changed)
        if (not models or where[1] in models) and (environment is None or where[0] == environment)
    ]
    names = [
        f"{side}:{folder_of(*where)}/{file}"
        for commit, where in wanted
        for side in filter(None, (commit.id, commit.parent))
        for file in (ROUTE, STATE)
    ]
    contents, reverted = repository.read(names), _reverted(repository, folder, commits)
    found = [
        Event(commit.when, commit.who, commit.id, *where, _undone(repository, commit, where, what, reverted))
        for commit, where in wanted
        if (what := _what(repository, contents, commit, where))
    ]
    _check_known(settings, {*models} - {event.model for event in found})
    return found


def at(settings: Settings, moment: datetime, models: Sequence[str] = (), environment: str | None = None) -> Moment:
    """Return the overlays of the newest first-parent commit at or before `moment`."""
    repository = _whole(settings)
    if environment is not None:
        settings.environment(environment)
    until = f"--until=@{max(int(moment.timestamp()), 0)}"
    newest = repository.run("log", "-1", "--first-parent", until, "--format=%H %ct", repository.latest()).split()
    if not newest:
        _check_known(settings, {*models})
        return Moment(moment, None, None, [])
    commit, seconds = newest[0].decode(), int(newest[1])
    snapshot = Snapshot(repository, commit, settings)
    found = [
        snapshot.overlay(name, model)
        for name in ([environment] if environment else settings.environments)
        for model in sorted(snapshot.models(name) if models else snapshot.load(name))
        if not models or model in models
    ]
    _check_known(settings, {*models} - {overlay.model for overlay in found})
    return Moment(moment, commit, datetime.fromtimestamp(seconds, UTC), found)


def _whole(settings: Settings) -> Repository:
    """Return the repository. Raise `SlipwayError` for a shallow clone: its history would be incomplete."""
    repository = Repository(settings.root)
    if is_shallow(repository):
        raise SlipwayError(f"{settings.root} is a shallow clone, without the history", fix="git fetch --unshallow")
    return repository


def _check_known(settings: Settings, silent: set[str]) -> None:
    """Raise `SlipwayError` for a model that has neither a past nor a folder."""
    for model in sorted(silent):
        settings.model(model)


def _commits(repository: Repository, folder: str) -> Iterator[_Commit]:
    form = "--format=%x00%H%x02%P%x02%ct%x02%an <%ae>"
    log = repository.run(
        "log", "--first-parent", "--diff-merges=first-parent", "--name-only", form, repository.latest(), "--", folder
    )
    for entry in log.decode(errors="replace").split("\0")[1:]:
        head, *paths = entry.split("\n")
        commit, parents, seconds, who = head.split("\x02", 3)
        changed: dict[tuple[str, str], set[str]] = {}
        for path in paths:
            if match := _FILE.fullmatch(path):
                written = changed.setdefault((match["environment"], match["model"]), set())
                written.update({match["release"]} - {None})
        yield _Commit(commit, parents.partition(" ")[0], datetime.fromtimestamp(int(seconds), UTC), who, changed)


def _side(contents: Mapping[str, bytes | None], commit: str, where: tuple[str, str]) -> _Side:
    folder = folder_of(*where)
    route, state = (contents.get(f"{commit}:{folder}/{file}") for file in (ROUTE, STATE))
    path = f"{folder}/{ROUTE}"
    return _Side(
        shares(documents.parse(route, path), where[1], path) if route is not None else {},
        documents.read(state, f"{folder}/{STATE}", State) if state is not None else State(),
    )


def _what(repository: Repository, contents: Mapping[str, bytes | None], commit: _Commit, where: tuple[str, str]) -> str:
    """Describe a change in words; empty when nothing that runs has changed."""
    try:
        before, after = (_side(contents, side, where) for side in (commit.parent, commit.id))
    except SlipwayError:
        return "the files cannot be read: somebody changed them by hand"
    hold = after.state.hold
    if hold and (rejected := sorted({*after.state.rejected} - {*before.state.rejected})):
        there = release_folder.shown(after.route) if after.route else "nothing"
        return f"rolled back to {there}, rejected {', '.join(rejected)}: {hold.reason}"
    routes = _of_route(repository, commit, where, before.route, after.route)
    return "; ".join([*routes, *_of_hold(before.state.hold, hold)])


def _reverted(repository: Repository, folder: str, commits: Sequence[_Commit]) -> dict[str, list[str]]:
    """Return the commits that each one says to revert, itself or in what it merged."""
    found: dict[str, list[str]] = {}
    options = ("--full-history", "--fixed-strings", f"--grep={_REVERTS}", "--format=%x00%H%x02%B")
    latest = repository.latest()
    log = repository.run("log", *options, latest, "--", folder).decode(errors="replace")
    for entry in log.split("\0")[1:]:
        commit, _, message = entry.partition("\x02")
        brought = commit
        if all(commit != each.id for each in commits):
            descendants = set(repository.run("rev-list", "--ancestry-path", f"{commit}..{latest}").decode().split())
            brought = next((each.id for each in reversed(commits) if each.id in descendants), "")
        found.setdefault(brought, []).extend(_REVERTED.findall(message))
    return found


def _undone(
    repository: Repository, commit: _Commit, where: tuple[str, str], what: str, reverted: Mapping[str, list[str]]
) -> str:
    """Add to a change which commit it reverts, where that changed the same overlay. Its files prove it."""
    for name in reverted.get(commit.id, ()):
        with suppress(SlipwayError):  # a commit that this clone lacks, or a short id of several
            if (bad := repository.commit_at(name)) and (before := repository.commit_at(f"{bad}^1")):
                folder = f"{folder_of(*where)}/"
                old, new, now = (repository.blobs(each, folder) for each in (before, bad, commit.id))
                paths = [path for path in old.keys() | new.keys() if old.get(path) != new.get(path)]
                if paths and all(now.get(path) == old.get(path) for path in paths):
                    what = f"reverted {bad[:12]}: {what}"
                elif paths:
                    what = f"{what}; its message says that it reverts {bad[:12]}, and its files do not"
    return what


def _of_route(
    repository: Repository, commit: _Commit, where: tuple[str, str], before: Route, after: Route
) -> Iterator[str]:
    if before and not after:
        yield "removed from git: what the cluster runs of it stays there"
    new = [name for name in after if name not in before]
    for name in new:
        share = "" if after[name] == 100 else f" with {after[name]} %"
        yield f"{_came(repository, commit.id, where, name, str(name) in commit.changed[where])}{share}"
    if not new and after and after != before:
        yield f"traffic {release_folder.shown(after)}"
    for release in sorted(commit.changed[where]):
        if ReleaseName.parse(release) in {*before} & {*after}:
            written = _written(repository, where, ReleaseName.parse(release), commit.id)
            by_hand = written is None or overlays.is_altered(written)
            yield f"changed {release} by hand" if by_hand else f"released {release} again, with other settings"


def _came(repository: Repository, commit: str, where: tuple[str, str], name: ReleaseName, written: bool) -> str:
    """Describe how a release got onto the route."""
    if not written:
        return f"traffic to {name}"
    path = f"{commit}:{folder_of(*where)}/{name}/{RECORD}"
    record = documents.parse(repository.read([path])[path] or b"{}", path)
    origin = record.get("origin")
    return f"promoted {name} from {origin['environment']}/{origin['release']}" if origin else f"released {name}"


def _of_hold(before: Hold | None, after: Hold | None) -> Iterator[str]:
    if after and after != before:
        yield f"held: {after.reason}"
    if before and not after:
        yield "lifted the hold"


def told(moment: Moment) -> str:
    """Return one line that names the commit of a moment."""
    if moment.commit is None or moment.since is None:
        return f"at {format_time(moment.time)} nothing was declared yet"
    return f"at {format_time(moment.time)}, by commit {moment.commit[:12]} of {format_time(moment.since)}"


def releases(snapshot: Snapshot, overlay: Overlay, names: Collection[ReleaseName] | None = None) -> list[Release]:
    """Return the present and past releases of the overlay's model, newest first; only `names`, if given.

    A past release is read from the last commit that wrote it. An unreadable one is left out.
    """
    found = {release.name: release for release in overlay.releases}
    where = (overlay.environment, overlay.model)
    for name, commit in snapshot.written(*where).items():
        wanted = name not in found and (names is None or name in names)
        if wanted and (release := _written(snapshot.repository, where, name, commit)):
            found[name] = release
    chosen = (release for name, release in found.items() if names is None or name in names)
    return sorted(chosen, key=lambda release: release.age, reverse=True)


def time_after(snapshot: Snapshot, overlay: Overlay, version: int) -> str:
    """Return the time for a release of `version` to be made: the present one, but later than that of all there are.

    The releases of a version are ordered by their times. A machine whose clock was ahead must not make a release that
    stays the newest.
    """
    written = snapshot.written(overlay.environment, overlay.model)
    names = {name for name in (*written, *(each.name for each in overlay.releases)) if name.version == version}
    present = format_time(datetime.now(UTC))
    newest = max((release.record.created for release in releases(snapshot, overlay, names)), default="")
    return present if present > newest else format_time(parse_time(newest) + timedelta(seconds=1))


def is_shallow(repository: Repository) -> bool:
    """Return whether the clone lacks older commits, as clones in CI often do."""
    return repository.run("rev-parse", "--is-shallow-repository").strip() == b"true"


def _written(repository: Repository, where: tuple[str, str], name: ReleaseName, commit: str) -> Release | None:
    """Return a release as a commit has it; None where it cannot be read."""
    files = repository.files(commit, f"{folder_of(*where)}/{name}")
    within = {f"{name}/{path}": content for path, content in files.items()}
    try:
        return overlays.parse(within, *where, "").release(name)
    except SlipwayError:
        return None
