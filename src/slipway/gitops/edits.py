"""Edits of overlays: read one at the head, change it, commit it; start anew when the head has moved."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from slipway.errors import SlipwayError
from slipway.git import Moved, Repository
from slipway.gitops.branches import Change, Here, Place
from slipway.gitops.snapshot import Snapshot
from slipway.overlays.types import Overlay, folder_of
from slipway.settings import Settings

T = TypeVar("T")

_TRIES = 50


class Edited(NamedTuple):
    """Hold the result of an edit: lines for the user, and the commit if there was something to commit."""

    lines: list[str]
    commit: str | None = None
    message: str = ""
    """The commit's message, also when the place has this change already; empty when nothing changes."""
    before: Overlay | None = None
    after: Overlay | None = None
    snapshot: Snapshot | None = None
    """The repository before the change."""
    branch: str = ""
    """The branch that gets the commit."""


def retrying(attempt: Callable[[], T], pause: float = Here.pause) -> T:
    """Repeat `attempt` until nobody else commits in between. Raise `SlipwayError` after too many tries.

    `pause` is the usual duration of one try in seconds.
    """
    for tries in range(_TRIES):
        try:
            return attempt()
        except Moved as moved:
            branch, said = moved.args[0], "".join(f"\n  {words}" for words in moved.args[1:])
            # A random pause keeps competing runs from colliding again.
            time.sleep(random.uniform(0, pause * min(tries + 1, 10)))  # noqa: S311
    raise SlipwayError(f"the branch {branch} kept moving: {_TRIES} tries{said}", fix="run the command again")


Decide = Callable[[Snapshot, Overlay], tuple[Overlay, str, list[str]]]


def edit(settings: Settings, environment: str, model: str, decide: Decide, place: Place | None = None) -> Edited:
    """Change one overlay in one commit, at `place` (by default the current branch).

    `decide` gets the repository before the change and the overlay. It returns the new overlay, the commit's message
    and lines for the user. An unchanged overlay makes no commit. The overlay's folder must be clean.
    """
    settings.environment(environment)
    where = place or Here(Repository(settings.root))

    def attempt() -> Edited:
        stand = where.stand(folder_of(environment, model))
        snapshot = Snapshot.of(where.repository, stand)
        before = snapshot.overlay(environment, model)
        if not before.releases and model not in snapshot.models(environment):
            snapshot.settings.model(model)  # refuses an unknown name; a removed model can be held or rolled back
        after, message, lines = decide(snapshot, before)
        if after == before:
            return Edited(lines)
        commit = where.commit(stand, Change(snapshot.changes(after), message, [after]))
        return Edited(lines, commit, message, before, after, snapshot, stand.branch)

    return retrying(attempt, where.pause)
