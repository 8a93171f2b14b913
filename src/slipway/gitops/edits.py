"""Changing overlays in git: read at the head, changed as data, committed whole, computed anew when the head moved."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from slipway.errors import SlipwayError
from slipway.git import Moved, Repository
from slipway.gitops.places import Change, Here, Place
from slipway.gitops.snapshot import Snapshot
from slipway.overlays.types import Overlay, folder_of
from slipway.settings import Settings
from slipway.store import records

__all__ = ["Edited", "edit", "now", "retrying"]

T = TypeVar("T")

_TRIES = 50


class Edited(NamedTuple):
    """What a verb did: words for the user, and the commit if there was anything to commit."""

    lines: list[str]
    commit: str | None = None
    message: str = ""
    """That of the commit, or what it would have been where the place has it already; empty when nothing changes."""
    before: Overlay | None = None
    after: Overlay | None = None
    snapshot: Snapshot | None = None
    """What the change begins from."""
    branch: str = ""
    """The branch that gets it."""


def retrying(attempt: Callable[[], T], pause: float = Here.pause) -> T:
    """Try until nobody else commits in between; raises `SlipwayError` when that does not end.

    `pause` is about how long one try takes, in seconds.
    """
    for tries in range(_TRIES):
        try:
            return attempt()
        except Moved as moved:
            branch, said = moved.args[0], "".join(f"\n  {words}" for words in moved.args[1:])
            # Not all at the same moment again.
            time.sleep(random.uniform(0, pause * min(tries + 1, 10)))  # noqa: S311
    raise SlipwayError(f"the branch {branch} kept moving: {_TRIES} tries{said}", fix="run the command again")


Decide = Callable[[Snapshot, Overlay], tuple[Overlay, str, list[str]]]


def edit(settings: Settings, environment: str, model: str, decide: Decide, place: Place | None = None) -> Edited:
    """Change one overlay in one commit, at `place` (the current branch unless given).

    `decide` gets what the change begins from and the overlay, and returns the overlay to be, the commit's message and
    words for the user; where the overlay stays as it is nothing is committed. The overlay's folder has to be clean.
    """
    settings.environment(environment)
    where = place or Here(Repository(settings.root))
    return retrying(lambda: _edit(environment, model, decide, where), where.pause)


def _edit(environment: str, model: str, decide: Decide, place: Place) -> Edited:
    stand = place.stand(folder_of(environment, model))
    snapshot = Snapshot.of(place.repository, stand)
    before = snapshot.overlay(environment, model)
    if not before.releases and model not in snapshot.models(environment):
        snapshot.settings.model(model)  # an unknown name; a model that was removed can still be held or rolled back
    after, message, lines = decide(snapshot, before)
    if after == before:
        return Edited(lines)
    change = Change(snapshot.changes(after), message, [after])
    return Edited(lines, place.commit(stand, change), message, before, after, snapshot, stand.branch)


def now() -> str:
    """The time as records and holds write it."""
    return records.now()
