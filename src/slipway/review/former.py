"""Former overlays of the base branch, to which a revert leads."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from slipway.errors import SlipwayError
from slipway.gitops.snapshot import Snapshot
from slipway.overlays.overlay import STATE
from slipway.overlays.types import Overlay
from slipway.review.changes import OverlayChange, below, releases_of


def commits(base: Snapshot, change: OverlayChange) -> list[str]:
    """Return the commits of the base branch that changed an overlay, the newest first."""
    log = base.repository.run("log", "--first-parent", "--format=%H", base.commit, "--", f"{change.folder}/")
    return log.decode().split()


def declared(base: Snapshot, change: OverlayChange) -> Overlay:
    """Return the overlay of the base branch. Where that is damaged, return the newest one that can be read."""
    with suppress(SlipwayError):
        return base.overlay(change.environment, change.model)
    readable = (found for commit in commits(base, change) if (found := _overlay(base, change, commit)))
    namespace = base.settings.environment(change.environment).namespace
    return next(readable, Overlay(environment=change.environment, model=change.model, namespace=namespace))


def running_alike(base: Snapshot, change: OverlayChange) -> list[Overlay]:
    """Return the overlays of the base branch that had just the releases and the route that a change leads to.

    A revert leads to one of them. It may differ in hold and rejections, as it must keep those that came later; a change
    of nothing else than these has to lead to one as a whole.
    """
    folder, part = f"{change.folder}/", _running
    if _running(change.before) == _running(change.after):
        part = releases_of
    wanted = part(change.after)
    same = [
        commit
        for commit in commits(base, change)
        if part(below(base.repository.blobs(commit, folder), folder)) == wanted
    ]
    return [found for commit in same if (found := _overlay(base, change, commit))]


def _running(files: Mapping[str, str]) -> dict[str, str]:
    """Return the files of an overlay that decide what runs."""
    return {path: blob for path, blob in releases_of(files).items() if path != STATE}


def _overlay(base: Snapshot, change: OverlayChange, commit: str) -> Overlay | None:
    with suppress(SlipwayError):
        return Snapshot(base.repository, commit, base.settings).overlay(change.environment, change.model)
    return None
