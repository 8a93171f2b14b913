"""The maker of releases: it turns a version into an image and the files that declare it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from slipway.errors import SlipwayError
from slipway.git import GitError, Repository
from slipway.gitops import history, release_folder
from slipway.gitops.branches import Stand
from slipway.gitops.snapshot import Snapshot
from slipway.images import build as images
from slipway.images import bundle
from slipway.images import platform as platforms
from slipway.images.build import Image
from slipway.images.bundle import Bundle
from slipway.names import ReleaseName
from slipway.overlays import documents
from slipway.overlays.overlay import MANIFESTS, RECORD
from slipway.overlays.types import Overlay, Release, ReleaseRecord
from slipway.settings import Settings
from slipway.store import Record, store_of
from slipway.store.records import run_url


class PlatformImage(NamedTuple):
    """The image of the platform, which verifies running releases and serves trainings."""

    image: Image
    fingerprint: str
    new: bool = False
    """True if this run built the image."""


UNNEEDED = PlatformImage(Image(""), "")
"""The value for runs without pods that need the image: the store is a directory, or no image is built."""


_FUNCTION = {"image": "fingerprint"}
_PLATFORM = {"verifier": "verifier_fingerprint", "platform": "platform_fingerprint"}


def fingerprint_of(settings: Settings, record: Record) -> str:
    """Return the fingerprint that the image of a version has now, without fetching its files."""
    if record.image is not None:
        return bundle.of_container(record)
    hashes = {path: file.sha256 for path, file in record.artifact.files.items()}
    return bundle.fingerprint(bundle.components(settings, record.model, hashes))


class Maker:
    """Make releases for one environment, and build each image once, even when the head of the branch moves.

    `known` maps fingerprints to existing images; `platform` is an existing image of the platform. `made` is called
    after each build, while the bundle exists.
    """

    def __init__(
        self,
        repository: Repository,
        environment: str,
        builder: images.Builder,
        report: Callable[[str], None],
        known: Mapping[str, Image] | None = None,
        platform: PlatformImage | None = None,
        made: Callable[[Bundle, Image], None] = lambda _bundle, _image: None,
    ) -> None:
        self.repository, self.environment = repository, environment
        self.builder, self.report = builder, report
        self.known = known or {}
        self.found = platform
        self.made = made
        self.images: dict[tuple[str, str], Image] = {}

    def make(self, snapshot: Snapshot, record: Record, overlay: Overlay, stand: Stand, *, again: bool) -> Release:
        """Return the declared release of a version, or a new one. With `again`, render it with the current settings.

        `snapshot` is of the commit that the release is written on, with the settings of its code.
        """
        settings = snapshot.settings
        fingerprint = fingerprint_of(settings, record)
        name = ReleaseName.of(record.version, fingerprint)
        declared = overlay.release(name) if overlay.has(name) else None
        if declared is not None and not again:
            return declared
        image = self.image(settings, record, fingerprint, stand)
        verifier = self.platform(settings, stand)
        made = release_folder.make(
            Snapshot(self.repository, stand.code.commit, settings),
            ReleaseRecord(
                release=str(name),
                version=record.version,
                model_id=str(record.id),
                fingerprint=fingerprint,
                image=image.reference,
                container=record.image is not None,
                size=image.size,
                verifier=verifier.image.reference,
                verifier_fingerprint=verifier.fingerprint,
                artifact=record.artifact.digest,
                commit=stand.code.commit,
                branch=stand.code.branch,
                run=run_url(),
                created=history.time_after(snapshot, overlay, record.version),
                by=self.repository.identity(),
                metrics=record.metrics,
            ),
        )
        unchanged = declared is not None and declared.files[MANIFESTS] == made.files[MANIFESTS]
        return declared if declared is not None and unchanged else made

    def image(self, settings: Settings, record: Record, fingerprint: str, stand: Stand) -> Image:
        """Return the image of a version, and build it if it does not exist."""
        known = self.known.get(fingerprint)
        if record.image is not None:
            return self._container(settings, record.image, known)
        place = f"overlays/*/{record.model}/*/{RECORD}"
        declared = known or self._declared(settings, stand, fingerprint, place, _FUNCTION)
        return declared or self._image(settings, record, fingerprint)

    def _container(self, settings: Settings, image: str, known: Image | None) -> Image:
        """Return the image of a container. Raise `SlipwayError` when another registry holds it.

        No test is needed here: publishing checked the golden predictions, and a digest never changes its content.
        """
        registry = settings.environment(self.environment).registry
        if not images.lies_under(image, registry):
            fix = f"push it to {registry}, or correct environments.{self.environment}.registry in slipway.yaml"
            raise SlipwayError(f"the image {image} is not in {registry}, the registry of {self.environment}", fix=fix)
        return known if known is not None and known.reference == image else Image(image)

    def platform(self, settings: Settings, stand: Stand) -> PlatformImage:
        """Return the image of the platform, built if no release or training names it, or `UNNEEDED`."""
        if self.found is None:
            built = settings.environment(self.environment).in_bucket and self.builder is not images.unbuilt
            self.found = self._platform(settings, stand) if built else UNNEEDED
        return self.found

    def _platform(self, settings: Settings, stand: Stand) -> PlatformImage:
        with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
            made = platforms.make(settings, Path(scratch) / "platform")
            if known := self._declared(settings, stand, made.fingerprint, f"overlays/*/{RECORD}", _PLATFORM):
                return PlatformImage(known, made.fingerprint)
            return PlatformImage(self._build(made), made.fingerprint, new=True)

    def _declared(
        self, settings: Settings, stand: Stand, fingerprint: str, place: str, keys: Mapping[str, str]
    ) -> Image | None:
        """Return the image of a fingerprint that a record of any environment names, to build it only once.

        `keys` maps the key of an image to the key of its fingerprint. Skip the images of other registries: `slipway
        check` accepts only the registry of this environment.
        """
        registry = settings.environment(self.environment).registry
        found: dict[str, bytes | None] = {}
        with suppress(GitError):  # git grep fails when it finds nothing
            options = ("-z", "--name-only", "--fixed-strings", "-e", fingerprint, stand.commit, "--", place)
            found = self.repository.read(self.repository.run("grep", *options).decode().split("\0")[:-1])
        for name, content in found.items():
            with suppress(SlipwayError):  # a damaged file of another environment must not stop this one
                record = documents.parse(content or b"", name)
                for key, key_of_fingerprint in keys.items():
                    image = str(record.get(key, ""))
                    here = images.lies_under(image, registry) and not images.is_unbuilt(image)
                    if here and record.get(key_of_fingerprint) == fingerprint:
                        return Image(image, record.get("size", 0) if keys is _FUNCTION else 0)
        return None

    def _image(self, settings: Settings, record: Record, fingerprint: str) -> Image:
        key = (str(record.id), fingerprint)
        if key not in self.images:
            store = store_of(settings, self.environment)
            self.report(f"{record.id}: making the bundle {fingerprint[:8]}")
            with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
                made = bundle.make(settings, store, record, Path(scratch) / "bundle")
                if made.fingerprint != fingerprint:
                    raise SlipwayError(f"the code changed while {record.id} was bundled", fix="run the command again")
                self.images[key] = self._build(made)
        return self.images[key]

    def _build(self, made: Bundle) -> Image:
        image = self.builder(made)
        self.made(made, image)
        return image
