"""Rejections: a rollback bars the image and the artifact of a release until a person chooses it again."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

import msgspec

from slipway.errors import SlipwayError
from slipway.names import ReleaseName
from slipway.overlays.types import Overlay, Release
from slipway.store import Store


class Rejections:
    """Find the rejection of an image, or of an artifact that comes back in another image.

    The overlay names the rejected releases. Their artifacts come from `past`, the releases of its history, or else
    from the same versions in the `store` of its environment.
    """

    def __init__(self, overlay: Overlay, store: Store | None = None, past: Iterable[Release] = ()) -> None:
        self._overlay, self._store = overlay, store
        self._artifacts = {release.name: release.record.artifact for release in past}
        self._serving = [release for release in overlay.releases if release.name in overlay.route]

    def bars(self, short: str, artifact: str) -> ReleaseName | None:
        """Return the rejection of an image or of its artifact, or None. `short` is 8 digits of the fingerprint.

        A release that answers requests is never barred.
        """
        return self._of_image(short) or self._of_artifact(artifact)

    def bars_release(self, release: Release) -> ReleaseName | None:
        """Return the rejection of a release's image or artifact."""
        return self.bars(release.name.short, release.record.artifact)

    def forgive(self, release: Release) -> Overlay:
        """Return the overlay without the rejections of the image and the artifact of a release that a person chose."""
        barred, artifact = set(), release.record.artifact
        if self._of_artifact(artifact):
            barred = {name for name in self._overlay.rejected if self._artifact(name) == artifact}
        left = (name for name in self._overlay.rejected if name.short != release.name.short and name not in barred)
        return msgspec.structs.replace(self._overlay, rejected=tuple(left))

    def _of_image(self, short: str) -> ReleaseName | None:
        if short in {release.name.short for release in self._serving}:
            return None
        return next((name for name in reversed(self._overlay.rejected) if name.short == short), None)

    def _of_artifact(self, artifact: str) -> ReleaseName | None:
        if artifact in {release.record.artifact for release in self._serving}:
            return None
        for name in reversed(self._overlay.rejected):
            if self._artifact(name) == artifact and not self._went_back_to(name, artifact):
                return name
        return None

    def _went_back_to(self, rejected: ReleaseName, artifact: str) -> bool:
        """Return True if the rollback went to an older image of the same artifact: the newer image was at fault."""
        older = (release for release in self._overlay.releases if release.version <= rejected.version)
        target = next((release for release in older if release.name not in self._overlay.rejected), None)
        return target is not None and target.record.artifact == artifact

    def _artifact(self, name: ReleaseName) -> str | None:
        if name not in self._artifacts and self._store is not None:
            with suppress(SlipwayError):  # an unknown artifact cannot be compared
                self._artifacts[name] = self._store.record(self._overlay.model, name.version).artifact.digest
        return self._artifacts.get(name)
