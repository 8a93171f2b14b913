"""A branch that proposes one change of one overlay, for a pull request."""

from collections.abc import Mapping

import msgspec

from slipway.errors import SlipwayError
from slipway.git import NOWHERE, Head, Repository
from slipway.release import overlay
from slipway.release.overlay import MANIFESTS
from slipway.release.overlay_types import Overlay, Release, ReleaseRecord, folder_of

__all__ = ["check", "commit"]


def check(repository: Repository, branch: str) -> None:
    """Raise `SlipwayError` for a branch that is checked out, or a name that git refuses."""
    if repository.head().branch == branch:
        raise SlipwayError(f"{branch} is the branch that you are on", fix="leave --branch out to promote on it")
    try:
        repository.run("check-ref-format", "--branch", branch)
    except SlipwayError as error:
        raise SlipwayError(f"{branch!r} cannot be the name of a branch", fix="--branch promote/prod/iris") from error
    where = repository.run("for-each-ref", "--format=%(worktreepath)", f"refs/heads/{branch}").decode().strip()
    if where:
        raise SlipwayError(f"the branch {branch} is checked out in {where}", fix="name another branch")


def commit(
    repository: Repository, head: Head, changes: Mapping[str, bytes | None], message: str, after: Overlay, branch: str
) -> str | None:
    """Commit an overlay that is to be `after` on a branch of its own, on top of the head; None if it is there already.

    A branch that proposes anything else for the same overlay is replaced. Raises `SlipwayError` when it holds other
    work, and `Moved` when somebody else committed on it.
    """
    folder = folder_of(after.environment, after.model)
    tip = repository.commit_at(f"refs/heads/{branch}")
    if tip is not None:
        _check_owned(repository, head, branch, folder)
        if repository.commit_at(f"{tip}^") == head.commit and _same(repository, tip, after):
            return None
    return repository.commit(changes, message, branch=branch, parent=head.commit, expected=tip or NOWHERE)


def _same(repository: Repository, tip: str, after: Overlay) -> bool:
    """Whether a branch proposes just this already, whoever made it and when."""
    files = repository.files(tip, folder_of(after.environment, after.model))
    there = overlay.parse(files, after.environment, after.model, after.namespace)
    return [_essence(release) for release in there.releases] == [_essence(release) for release in after.releases] and (
        there.route == after.route
    )


def _essence(release: Release) -> tuple[ReleaseRecord, bytes]:
    return msgspec.structs.replace(release.record, created="", by=""), release.files[MANIFESTS]


def _check_owned(repository: Repository, head: Head, branch: str, folder: str) -> None:
    """Refuse to replace a branch on which anything but promotions of this model was committed."""
    log = repository.run("log", "--format=", "--name-only", "--diff-merges=first-parent", f"{head.commit}..{branch}")
    foreign = [path for path in log.decode().split("\n") if path and not path.startswith(f"{folder}/")]
    if foreign:
        raise SlipwayError(f"the branch {branch} holds other work: {foreign[0]}", fix="name another branch")
