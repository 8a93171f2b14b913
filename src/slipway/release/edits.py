"""Changing overlays in git: read at the head, changed as data, committed whole, computed anew when the head moved."""

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from slipway.errors import SlipwayError
from slipway.git import Head, Moved, Repository
from slipway.release import overlay as overlays
from slipway.release.overlay_types import Overlay, folder_of
from slipway.store import records

if TYPE_CHECKING:
    from slipway.settings import Settings

__all__ = ["Edited", "changes", "edit", "models_at", "now", "read", "retrying"]

T = TypeVar("T")

_TRIES = 50


class Edited(NamedTuple):
    """What a verb did: words for the user, and the commit if there was anything to commit."""

    lines: list[str]
    commit: str | None = None


def read(repository: Repository, commit: str, settings: "Settings", environment: str, model: str) -> Overlay:
    """The overlay as a commit has it; empty when the commit has none. Raises `SlipwayError` on a damaged file."""
    files = repository.files(commit, folder_of(environment, model))
    return overlays.parse(files, environment, model, settings.environment(environment).namespace)


def models_at(repository: Repository, commit: str, environment: str) -> set[str]:
    """The models that a commit has an overlay of."""
    paths = repository.blobs(commit, f"overlays/{environment}/")
    return {path.split("/")[2] for path in paths if path.count("/") > 2}


def changes(repository: Repository, commit: str, after: Overlay) -> dict[str, bytes | None]:
    """What to write, and what to remove, so that the commit's overlay becomes `after`."""
    folder = folder_of(after.environment, after.model)
    before = {path: content for path, content in repository.files(commit, folder).items() if overlays.is_own(path)}
    files = overlays.format(after)
    written: dict[str, bytes | None] = {f"{folder}/{path}": None for path in before.keys() - files}
    return written | {f"{folder}/{path}": content for path, content in files.items() if before.get(path) != content}


def retrying(attempt: Callable[[], T]) -> T:
    """Try until nobody else commits in between; raises `SlipwayError` when that does not end."""
    for tries in range(_TRIES):
        try:
            return attempt()
        except Moved as moved:
            branch = moved.args[0]
            # Not all at the same moment again.
            time.sleep(random.uniform(0, 0.02 * min(tries, 10)))  # noqa: S311
    raise SlipwayError(f"the branch {branch} kept moving: {_TRIES} tries", fix="run the command again")


def edit(
    settings: "Settings",
    environment: str,
    model: str,
    change: Callable[[Repository, Head, Overlay], tuple[Overlay, str, list[str]]],
) -> Edited:
    """Change one overlay in one commit.

    `change` gets the repository, the head and the overlay, and returns the overlay to be, the commit's message and
    words for the user; where the overlay stays as it is nothing is committed. The overlay's folder has to be clean.
    """
    settings.environment(environment)
    repository = Repository(settings.root)
    return retrying(lambda: _edit(repository, settings, environment, model, change))


def _edit(
    repository: Repository,
    settings: "Settings",
    environment: str,
    model: str,
    change: Callable[[Repository, Head, Overlay], tuple[Overlay, str, list[str]]],
) -> Edited:
    head = repository.ready(folder_of(environment, model))
    before = read(repository, head.commit, settings, environment, model)
    if not before.releases and model not in models_at(repository, head.commit, environment):
        settings.model(model)  # an unknown name; a model that was removed can still be held or rolled back
    after, message, lines = change(repository, head, before)
    if after == before:
        return Edited(lines)
    written = changes(repository, head.commit, after)
    commit = repository.commit(written, message, branch=head.branch, parent=head.commit)
    return Edited(lines, commit)


def now() -> str:
    """The time as records and holds write it."""
    return records.now()
