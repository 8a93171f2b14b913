"""`slipway copy`: after a promotion, its artifact goes into the store of the environment that took it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.names import ReleaseName
from slipway.overlays.overlay_types import Overlay, Release
from slipway.release import edits
from slipway.store import store_of

if TYPE_CHECKING:
    from slipway.settings import Settings

__all__ = ["copy"]


def copy(settings: "Settings", models: Sequence[str], environment: str, commit: str | None = None) -> list[str]:
    """Copy into the environment's store the artifacts that its overlays name and it lacks; says what it copied.

    The overlays are those of `commit`, else of what is checked out.
    `models` are all that have an overlay when none is named; one that fails does not stop the others. Doing it again
    copies nothing. Raises `SlipwayError` in the end when a version holds another artifact than the overlay names.
    """
    settings.environment(environment)
    repository = Repository(settings.root)
    commit = commit or repository.latest()
    for model in models:
        settings.model(model)
    lines: list[str] = []
    failed: list[SlipwayError] = []
    for model in models or sorted(edits.models_at(repository, commit, environment)):
        try:
            overlay = edits.read(repository, commit, settings, environment, model)
            lines.extend(line for release in reversed(overlay.releases) if (line := _copy(settings, overlay, release)))
        except SlipwayError as error:
            failed.append(error)
    if failed:
        told = "".join(f"\n  {line}" for line in lines)
        problem = "\n".join(error.problem for error in failed)
        raise SlipwayError(problem + (f"\nall else was copied:{told}" if lines else ""), fix=failed[0].fix)
    return lines


def _copy(settings: "Settings", overlay: Overlay, release: Release) -> str:
    origin = release.record.origin
    if origin is None:
        return ""
    store = store_of(settings, overlay.environment)
    if release.version in store.versions(overlay.model):
        if store.record(overlay.model, release.version).artifact.digest != release.record.artifact:
            raise SlipwayError(
                f"{release.record.model_id} holds another artifact than {release.name} names",
                fix="somebody published there by hand: git revert the promotion and promote again",
            )
        return ""
    source = store_of(settings, origin.environment)
    record = source.record(overlay.model, ReleaseName.parse(origin.release).version)
    if record.artifact.digest != release.record.artifact:
        raise SlipwayError(f"{record.id} holds another artifact than {release.name} names", fix="promote again")
    source.copy(record, store, release.version)
    return f"copied {record.id} to {release.record.model_id}"
