"""From a version to its release: the image, and the files that declare it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from slipway.errors import SlipwayError
from slipway.git import GitError, Repository
from slipway.gitops import edits, release_folder
from slipway.gitops.places import Stand
from slipway.gitops.snapshot import Snapshot
from slipway.images import build as images
from slipway.images import bundle
from slipway.images import platform as platforms
from slipway.images.build import Image
from slipway.images.bundle import Bundle
from slipway.images.platform import is_bucket
from slipway.names import ReleaseName
from slipway.overlays import documents
from slipway.overlays.overlay import MANIFESTS, RECORD
from slipway.overlays.types import Overlay, Release, ReleaseRecord
from slipway.settings import Settings
from slipway.store import Record, store_of
from slipway.store.records import run_url

__all__ = ["UNNEEDED", "Maker", "PlatformImage", "fingerprint_of"]


class PlatformImage(NamedTuple):
    """The platform's own image, which verifies releases where they run, and serves trainings."""

    image: Image
    fingerprint: str
    new: bool = False
    """Whether it was built now."""


UNNEEDED = PlatformImage(Image(""), "")
"""Where no pod needs it: the store is a directory, or no image is built."""


def fingerprint_of(settings: Settings, record: Record) -> str:
    """Of the image that the version would have now; its files are not fetched for that."""
    if record.image is not None:
        return bundle.of_container(record)
    hashes = {path: file.sha256 for path, file in record.artifact.files.items()}
    return bundle.fingerprint(bundle.components(settings, record.model, hashes))


class Maker:
    """Makes releases for one environment; an image is made once, however often the head moves meanwhile.

    `known` are images, by fingerprint, that need not be made; nor need the `platform` that is given. `made` is told of
    each image that is made, while its bundle is there.
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

    def make(self, settings: Settings, record: Record, overlay: Overlay, stand: Stand, *, again: bool) -> Release:
        """The declared release of a version, or a new one; made `again`, it takes on the settings of today."""
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
                created=edits.now(),
                by=self.repository.identity(),
                metrics=record.metrics,
            ),
        )
        unchanged = declared is not None and declared.files[MANIFESTS] == made.files[MANIFESTS]
        return declared if declared is not None and unchanged else made

    def image(self, settings: Settings, record: Record, fingerprint: str, stand: Stand) -> Image:
        """The image of a version, made unless it is there already."""
        if record.image is not None:
            return self._container(settings, record.image, self.known.get(fingerprint))
        return (
            self.known.get(fingerprint)
            or self._declared(settings, record.model, fingerprint, stand)
            or self._image(settings, record, fingerprint)
        )

    def _container(self, settings: Settings, image: str, known: Image | None) -> Image:
        """The image of a container; raises `SlipwayError` unless it lies where the environment has its images.

        It gave its golden predictions when they were published, and a digest names the same for ever.
        """
        registry = settings.environment(self.environment).registry
        if not images.lies_under(image, registry):
            fix = f"push it there, or mend environments.{self.environment}.registry in slipway.yaml"
            raise SlipwayError(f"{image} is not of {registry}, where {self.environment} has its images", fix=fix)
        return known if known is not None and known.reference == image else Image(image)

    def platform(self, settings: Settings, stand: Stand) -> PlatformImage:
        """The platform's own image, made unless a release or a training names it already; `UNNEEDED` where it is."""
        if self.found is None:
            built = is_bucket(settings.environment(self.environment)) and not isinstance(self.builder, images.Unbuilt)
            self.found = self._platform(settings, stand) if built else UNNEEDED
        return self.found

    def _platform(self, settings: Settings, stand: Stand) -> PlatformImage:
        with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
            made = platforms.make(settings, Path(scratch) / "platform")
            known = self._named(settings, stand, made.fingerprint)
            return PlatformImage(known or self.builder.build_platform(made), made.fingerprint, new=known is None)

    def _named(self, settings: Settings, stand: Stand, fingerprint: str) -> Image | None:
        """The image of this fingerprint that a release or a training names already, of any model and environment."""
        registry = settings.environment(self.environment).registry
        wanted = ("--fixed-strings", "-e", fingerprint, stand.commit, "--", f"overlays/*/{RECORD}")
        with suppress(GitError):  # by which it says that it found nothing
            names = self.repository.run("grep", "-z", "--name-only", *wanted).decode().split("\0")[:-1]
            for name, content in self.repository.read(names).items():
                record = documents.parse(content or b"", name)
                for key in ("verifier", "platform"):
                    image = str(record.get(key, ""))
                    if record.get(f"{key}_fingerprint") == fingerprint and images.lies_under(image, registry):
                        return Image(image)
        return None

    def _declared(self, settings: Settings, model: str, fingerprint: str, stand: Stand) -> Image | None:
        """The image of this fingerprint that some environment declares already: it is not built again.

        One of another registry is no good: `slipway check` takes those of this environment alone.
        """
        registry = settings.environment(self.environment).registry
        snapshot = Snapshot(self.repository, stand.commit, settings)
        for environment in settings.environments:
            with suppress(SlipwayError):  # what is damaged in another environment stops nothing in this one
                for release in snapshot.overlay(environment, model).releases:
                    image = release.record.image
                    here = images.lies_under(image, registry) and not images.is_unbuilt(image)
                    if here and release.record.fingerprint == fingerprint:
                        return Image(image, release.record.size)
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
                self.images[key] = self.builder.build(made, record.model)
                self.made(made, self.images[key])
        return self.images[key]
