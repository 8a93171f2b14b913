"""Settings as a commit has them, whatever is checked out."""

from typing import TYPE_CHECKING

import msgspec

from slipway import settings as settings_file
from slipway.errors import SlipwayError
from slipway.settings import ModelSettings
from slipway.wrapped.finding import FILE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slipway.git import Repository
    from slipway.settings import Settings

__all__ = ["settings_at"]


def settings_at(repository: "Repository", commit: str) -> "Settings":
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


def _folders(repository: "Repository", commit: str, settings: "Settings") -> "Iterator[str]":
    """The models that are a folder under `model/` which the settings do not name."""
    taken = {each.folder for each in settings.declared.values() if each.folder}
    for path in repository.blobs(commit, "model/"):
        parts = path.split("/")
        folder = "/".join(parts[:2])
        if len(parts) == 3 and parts[2] == FILE and parts[1] != "common" and folder not in taken:
            yield parts[1]
