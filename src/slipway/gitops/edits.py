"""Changing overlays in git: read at the head, changed as data, committed whole, computed anew when the head moved."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import msgspec

from slipway import settings as settings_file
from slipway.errors import SlipwayError
from slipway.folders import FILE
from slipway.git import Moved, Repository
from slipway.gitops.places import Change, Here, Place, Stand
from slipway.overlays import overlay as overlays
from slipway.overlays.types import Overlay, folder_of
from slipway.settings import ModelSettings
from slipway.store import records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slipway.settings import Settings

__all__ = ["Edited", "changes", "edit", "models_at", "now", "read", "retrying", "settings_at"]

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
    stand: Stand | None = None


def read(repository: Repository, commit: str, settings: Settings, environment: str, model: str) -> Overlay:
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


Decide = Callable[[Repository, Stand, Overlay], tuple[Overlay, str, list[str]]]


def edit(settings: Settings, environment: str, model: str, decide: Decide, place: Place | None = None) -> Edited:
    """Change one overlay in one commit, at `place` (the current branch unless given).

    `decide` gets the repository, where the change begins and the overlay, and returns the overlay to be, the commit's
    message and words for the user; where the overlay stays as it is nothing is committed. The overlay's folder has to
    be clean.
    """
    settings.environment(environment)
    repository = Repository(settings.root)
    where = place or Here(repository)
    return retrying(lambda: _edit(repository, environment, model, decide, where), where.pause)


def _edit(repository: Repository, environment: str, model: str, decide: Decide, place: Place) -> Edited:
    stand = place.stand(folder_of(environment, model))
    settings = settings_at(repository, stand.code.commit)
    before = read(repository, stand.commit, settings, environment, model)
    if not before.releases and model not in models_at(repository, stand.commit, environment):
        settings.model(model)  # an unknown name; a model that was removed can still be held or rolled back
    after, message, lines = decide(repository, stand, before)
    if after == before:
        return Edited(lines)
    change = Change(changes(repository, stand.commit, after), message, [after])
    return Edited(lines, place.commit(stand, change), message, before, after, stand)


def now() -> str:
    """The time as records and holds write it."""
    return records.now()


def settings_at(repository: Repository, commit: str) -> Settings:
    """The settings of a commit, the models among them that only have a folder there.

    Raises `SlipwayError` when it has none, or wrong ones.
    """
    name = f"{commit}:{settings_file.FILE}"
    content = repository.read([name])[name]
    if content is None:
        fix = f"commit {settings_file.FILE}, or name a commit that has it"
        raise SlipwayError(f"the commit {commit[:12]} has no {settings_file.FILE}", fix=fix)
    found = settings_file.parse(content.decode("utf-8-sig", errors="replace"), repository.root)
    models = {name: ModelSettings() for name in _folders(repository, commit, found)}
    return msgspec.structs.replace(found, declared={**models, **found.declared})


def _folders(repository: Repository, commit: str, settings: Settings) -> Iterator[str]:
    """The models that are a folder under `model/` which the settings do not name."""
    taken = {each.folder for each in settings.declared.values() if each.folder}
    for path in repository.blobs(commit, "model/"):
        parts = path.split("/")
        folder = "/".join(parts[:2])
        if len(parts) == 3 and parts[2] == FILE and parts[1] != "common" and folder not in taken:
            yield parts[1]
