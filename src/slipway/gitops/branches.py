"""Branches that a change of overlays is committed to: checked out here, on the remote, or proposing the change."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from slipway.errors import SlipwayError
from slipway.git import NOWHERE, Changes, GitError, Head, Repository
from slipway.git.remote import Remote
from slipway.names import ReleaseName
from slipway.overlays import overlay
from slipway.overlays.overlay import MANIFESTS, RECORD
from slipway.overlays.types import Overlay, Release, folder_of

_Pairs = list[tuple[Overlay, Overlay]]


class Stand(NamedTuple):
    """Hold the commits that a change begins from."""

    branch: str
    """The branch that finally gets the change."""
    commit: str
    """The commit that overlays are read from, and the parent of the change."""
    code: Head
    """The commit whose models, settings and manifests are used."""


class Change(NamedTuple):
    """Hold the content of a commit to make."""

    files: Changes
    message: str
    overlays: Sequence[Overlay] = ()
    """The overlays after the change."""


class Place(Protocol):
    """Commit changes to one branch."""

    repository: Repository
    pause: float
    """The usual duration of a commit here, in seconds; a retry waits about as long."""

    def stand(self, *paths: str) -> Stand:
        """Return the commits that a change can begin from now.

        Everything below `paths` (by default all) must be committed. Raise `SlipwayError` when a commit is impossible.
        """

    def commit(self, stand: Stand, change: Change) -> str | None:
        """Commit a change; return None when the place has it already. Raise `Moved` when the branch has moved."""

    def __str__(self) -> str:
        """Return a description for the user."""


class Here:
    """Commit to the branch that is checked out."""

    pause = 0.02

    def __init__(self, repository: Repository) -> None:
        self.repository = repository

    def stand(self, *paths: str) -> Stand:
        """See `Place.stand`."""
        head = self.repository.ready(*paths)
        return Stand(head.branch, head.commit, head)

    def commit(self, stand: Stand, change: Change) -> str | None:
        """See `Place.commit`."""
        return self.repository.commit(change.files, change.message, branch=stand.branch, parent=stand.commit)

    def __str__(self) -> str:
        return self.repository.checked_out().branch


class Pushed:
    """Commit to the branch of the remote that the cluster follows, fetched at every try.

    `code` names the commit whose code is used. By default it is the checkout. When the branch itself is checked out,
    it is brought up to date first, so that the newest code decides what is due.
    """

    pause = 0.3

    def __init__(self, repository: Repository, branch: str, *, code: Head | None = None) -> None:
        self.repository, self.branch, self.code = repository, branch, code
        self.remote = Remote(repository)

    def stand(self, *paths: str) -> Stand:
        """See `Place.stand`."""
        self.repository.settle(*paths)
        tip = self.remote.fetch(self.branch)
        return Stand(self.branch, tip, self.code or self._code(tip))

    def commit(self, stand: Stand, change: Change) -> str | None:
        """See `Place.commit`."""
        new = self.repository.record(change.files, change.message, stand.commit)
        self.remote.push(new, stand.branch)
        if self.code is None and stand.code == Head(stand.branch, stand.commit):
            # The push counts. When this clone cannot follow now, the next command brings it forward.
            with contextlib.suppress(GitError):
                self.repository.forward(stand.code, new)
        return new

    def _code(self, tip: str) -> Head:
        head = self.repository.checked_out()
        if head.branch == self.branch:
            return self._up_to_date(head, tip)
        if not self.remote.has(head.commit):
            raise SlipwayError(
                f"the commit {head.commit[:12]} is not on {self.remote.name}, and a release names the commit it is of",
                fix=f"git push {self.remote.name} {head.branch}" if head.branch else "check out a branch and push it",
            )
        return of_code(self.repository)

    def _up_to_date(self, head: Head, tip: str) -> Head:
        if not self.repository.contains(tip, head.commit):
            fix = f"git pull --rebase {self.remote.name} {head.branch} && git push {self.remote.name} {head.branch}"
            raise SlipwayError(f"{head.branch} has commits that {self.remote.name} has not", fix=fix)
        if head.commit != tip:
            self.repository.forward(head, tip)
        return Head(head.branch, tip)

    def __str__(self) -> str:
        return f"{self.remote.name}/{self.branch}"


def of_code(repository: Repository) -> Head:
    """Return the checked-out head. When HEAD is detached, as in CI, take the branch from `GITHUB_REF_NAME`."""
    head = repository.checked_out()
    return head if head.branch else Head(os.environ.get("GITHUB_REF_NAME", ""), head.commit)


class Apart(Pushed):
    """Commit to the remote's branch without use of the checkout, neither its code nor its work tree."""

    def stand(self, *paths: str) -> Stand:  # noqa: ARG002 - every place takes them
        """See `Place.stand`."""
        self.repository.identity()
        tip = self.remote.fetch(self.branch)
        return Stand(self.branch, tip, Head("", tip))


class Proposed:
    """Commit one change to a separate branch on top of `base`, for a pull request.

    A new proposal replaces the earlier one on the branch. The branch is on the remote when `base` is `Pushed`.
    """

    def __init__(self, base: Here | Pushed, branch: str) -> None:
        """Raise `SlipwayError` for an invalid name, or a branch that is checked out."""
        self.base, self.branch = base, branch
        self.repository, self.pause = base.repository, base.pause
        _check_branch(base.repository, branch)

    def stand(self, *paths: str) -> Stand:
        """See `Place.stand`."""
        return self.base.stand(*paths)

    def commit(self, stand: Stand, change: Change) -> str | None:
        """See `Place.commit`."""
        repository = self.repository
        tip, pairs = self._proposed(stand, change)
        if tip is not None:
            if _is_same(repository, stand.commit, tip, pairs):
                return None
            change = change._replace(files=_kept(change.files, pairs))
        if isinstance(self.base, Here):
            return repository.commit(
                change.files, change.message, branch=self.branch, parent=stand.commit, expected=tip or NOWHERE
            )
        new = repository.record(change.files, change.message, stand.commit)
        self.base.remote.replace(new, self.branch, tip)
        return new

    def _proposed(self, stand: Stand, change: Change) -> tuple[str | None, _Pairs]:
        """Return the tip of the branch, if there is one, and each overlay as it has it, and as the change has it.

        Raise `SlipwayError` when the branch holds other work.
        """
        repository, here = self.repository, f"refs/heads/{self.branch}"
        tip = self.base.remote.find(self.branch) if isinstance(self.base, Pushed) else repository.commit_at(here)
        if tip is None:
            return None, []
        _check_owned(repository, stand.commit, tip, self.branch, change.overlays)
        return tip, [(_at(repository, tip, after), after) for after in change.overlays]

    def __str__(self) -> str:
        return f"branch {self.branch}"


class Tried(Proposed):
    """Commit nothing: show what would be proposed."""

    is_proposed = False
    """True if the branch proposes the last change already."""

    def commit(self, stand: Stand, change: Change) -> str | None:
        """Return None."""
        tip, pairs = self._proposed(stand, change)
        self.is_proposed = tip is not None and _is_same(self.repository, stand.commit, tip, pairs)
        return None


class Agreed(Proposed):
    """Propose this overlay only: nobody has looked at another one."""

    def __init__(self, base: Here | Pushed, branch: str, overlay: Overlay) -> None:
        super().__init__(base, branch)
        self.overlay = overlay

    def commit(self, stand: Stand, change: Change) -> str | None:
        """See `Place.commit`; raise `SlipwayError` for another overlay."""
        if any(essence(after) != essence(self.overlay) for after in change.overlays):
            problem = f"{self.overlay.environment}/{self.overlay.model} has changed meanwhile"
            raise SlipwayError(problem, fix="run the command again")
        return super().commit(stand, change)


def _is_same(repository: Repository, base: str, tip: str, pairs: _Pairs) -> bool:
    """Return True if a merge of the branch at `tip` into `base` brings just these overlays.

    Anybody may have proposed them, at any time, and commits to other files may have come to `base` since.
    """
    try:
        forks = repository.forks(base, tip)
    except GitError:
        return False
    folders = [f"{folder_of(after.environment, after.model)}/" for _, after in pairs]
    rests = len(forks) == 1 and all(
        repository.blobs(forks[0], each) == repository.blobs(base, each) for each in folders
    )
    return rests and all(essence(there) == essence(after) for there, after in pairs)


def _check_branch(repository: Repository, branch: str) -> None:
    """Raise `SlipwayError` for a branch that is checked out, or a name that git refuses."""
    if repository.checked_out().branch == branch:
        raise SlipwayError(f"{branch} is the branch that you are on", fix="leave --branch out to promote on it")
    try:
        repository.run("check-ref-format", "--branch", branch)
    except SlipwayError as error:
        raise SlipwayError(f"{branch!r} cannot be the name of a branch", fix="--branch promote/prod/iris") from error
    where = repository.run("for-each-ref", "--format=%(worktreepath)", f"refs/heads/{branch}").decode().strip()
    if where:
        raise SlipwayError(f"the branch {branch} is checked out in {where}", fix="name another branch")


def _check_owned(repository: Repository, base: str, tip: str, branch: str, overlays: Sequence[Overlay]) -> None:
    """Raise `SlipwayError` for a branch with commits since `base` that change files outside these overlays."""
    own = tuple(f"{folder_of(each.environment, each.model)}/" for each in overlays)
    log = repository.run("log", "--format=", "--name-only", "--no-merges", f"{base}..{tip}")
    foreign = [path for path in log.decode().split("\n") if path and not path.startswith(own)]
    if foreign:
        raise SlipwayError(f"the branch {branch} holds other work: {foreign[0]}", fix="name another branch")


def _at(repository: Repository, tip: str, after: Overlay) -> Overlay:
    files = repository.files(tip, folder_of(after.environment, after.model))
    return overlay.parse(files, after.environment, after.model, after.namespace)


def _kept(files: Changes, pairs: Sequence[tuple[Overlay, Overlay]]) -> Changes:
    """Return the files of a proposal, with the branch's records of releases that are the same.

    A new author or time alone thus changes no file that somebody has reviewed.
    """
    found = dict(files)
    for before, after in pairs:
        there = {_of_release(release): release.files[RECORD] for release in before.releases}
        for release in after.releases:
            path = f"{folder_of(after.environment, after.model)}/{release.name}/{RECORD}"
            if path in found and (same := there.get(_of_release(release))):
                found[path] = same
    return found


def _of_release(release: Release) -> tuple[bytes, bytes]:
    """Return the content of a release, without its author, time and run."""
    record = msgspec.structs.replace(release.record, created="", by="", run="")
    return msgspec.json.encode(record), release.files[MANIFESTS]


class Essence(NamedTuple):
    """Hold the content of an overlay, without authors and times."""

    releases: list[tuple[bytes, bytes]]
    """The record and the manifests of each."""
    route: Mapping[ReleaseName, int]
    hold: str | None
    rejected: frozenset[ReleaseName]


def essence(overlay: Overlay) -> Essence:
    """Return the content of an overlay, without authors and times."""
    releases = [_of_release(release) for release in overlay.releases]
    hold = overlay.hold.reason if overlay.hold else None
    return Essence(releases, overlay.route, hold, frozenset(overlay.rejected))
