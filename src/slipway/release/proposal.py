"""A branch that proposes one change of overlays, for a pull request."""

from collections.abc import Mapping, Sequence

import msgspec

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.overlays import overlay
from slipway.overlays.overlay import MANIFESTS, RECORD
from slipway.overlays.overlay_types import Overlay, Release, folder_of

__all__ = ["check", "check_owned", "is_same", "kept"]


def check(repository: Repository, branch: str) -> None:
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


def check_owned(repository: Repository, base: str, tip: str, branch: str, overlays: Sequence[Overlay]) -> None:
    """Refuse to replace a branch on which anything but changes of these overlays was committed since `base`."""
    own = tuple(f"{folder_of(each.environment, each.model)}/" for each in overlays)
    log = repository.run("log", "--format=", "--name-only", "--no-merges", f"{base}..{tip}")
    foreign = [path for path in log.decode().split("\n") if path and not path.startswith(own)]
    if foreign:
        raise SlipwayError(f"the branch {branch} holds other work: {foreign[0]}", fix="name another branch")


def is_same(repository: Repository, tip: str, base: str, overlays: Sequence[Overlay]) -> bool:
    """Whether a branch proposes just these overlays on top of `base` already, whoever made it and when."""
    return repository.commit_at(f"{tip}^") == base and all(_is_there(repository, tip, after) for after in overlays)


def kept(
    repository: Repository, tip: str, files: Mapping[str, bytes | None], overlays: Sequence[Overlay]
) -> dict[str, bytes | None]:
    """The files of a proposal with the records that the branch has of the same releases.

    Who looked at them before need not look again because of who proposed them last, and when.
    """
    found = dict(files)
    for after in overlays:
        there = {_of_release(release): release.files[RECORD] for release in _at(repository, tip, after).releases}
        for release in after.releases:
            path = f"{folder_of(after.environment, after.model)}/{release.name}/{RECORD}"
            if path in found and (same := there.get(_of_release(release))):
                found[path] = same
    return found


def _is_there(repository: Repository, tip: str, after: Overlay) -> bool:
    return _essence(_at(repository, tip, after)) == _essence(after)


def _at(repository: Repository, tip: str, after: Overlay) -> Overlay:
    files = repository.files(tip, folder_of(after.environment, after.model))
    return overlay.parse(files, after.environment, after.model, after.namespace)


def _of_release(release: Release) -> tuple[bytes, bytes]:
    """A release without who made it and when."""
    record = msgspec.structs.replace(release.record, created="", by="", run="")
    return msgspec.json.encode(record), release.files[MANIFESTS]


def _essence(overlay: Overlay) -> tuple[object, ...]:
    """An overlay without who made it and when."""
    releases = [_of_release(release) for release in overlay.releases]
    hold = overlay.hold.reason if overlay.hold else None
    return releases, overlay.route, hold, set(overlay.rejected)
