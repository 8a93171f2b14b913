"""Releases that were declared once, found in git's history and brought back as they were."""

import re
from typing import TYPE_CHECKING

from slipway.errors import SlipwayError
from slipway.names import ReleaseName
from slipway.overlays import overlay as overlays
from slipway.overlays.overlay_types import Overlay, Release, folder_of

if TYPE_CHECKING:
    from slipway.git import Repository

__all__ = ["is_shallow", "releases"]

_RECORD = re.compile(rf".*/(v[0-9]+-[0-9a-f]{{8}})/{re.escape(overlays.RECORD)}")


def releases(repository: "Repository", commit: str, overlay: Overlay) -> list[Release]:
    """All releases of the overlay's model that are declared or ever were, newest first.

    Those of the past are read from the last commit that wrote them; one that cannot be read any more is left out.
    """
    found = {release.name: release for release in overlay.releases}
    for name, last in _written(repository, commit, folder_of(overlay.environment, overlay.model)).items():
        if name not in found and (release := _restored(repository, last, overlay, name)):
            found[name] = release
    return sorted(found.values(), key=lambda release: release.age, reverse=True)


def is_shallow(repository: "Repository") -> bool:
    """Whether older commits were left out when the repository was cloned, as CI does."""
    return repository.run("rev-parse", "--is-shallow-repository").strip() == b"true"


def _written(repository: "Repository", commit: str, folder: str) -> dict[ReleaseName, str]:
    """The last commit that added or changed each release's record."""
    log = repository.run(
        "log", "--format=%x01%H", "--name-only", "--full-history", "--diff-filter=AM", commit, "--", f"{folder}/"
    )
    found: dict[ReleaseName, str] = {}
    for entry in log.decode(errors="replace").split("\x01")[1:]:
        commit_id, *paths = entry.split("\n")
        for path in paths:
            if match := _RECORD.fullmatch(path):
                found.setdefault(ReleaseName.parse(match[1]), commit_id)
    return found


def _restored(repository: "Repository", commit: str, overlay: Overlay, name: ReleaseName) -> Release | None:
    folder = folder_of(overlay.environment, overlay.model)
    files = repository.files(commit, f"{folder}/{name}")
    within = {f"{name}/{path}": content for path, content in files.items()}
    try:
        return overlays.parse(within, overlay.environment, overlay.model, "").release(name)
    except SlipwayError:
        return None
