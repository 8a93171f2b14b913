"""The declared state of a model in an environment: releases, route, hold and rejected releases."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

from slipway.errors import SlipwayError
from slipway.model import Parameter
from slipway.names import ReleaseName, nearest
from slipway.settings.types import Announce, ModelSecret, TrainingSettings

USUAL_SCORES = ("accuracy", "balanced_accuracy", "f1_macro", "mae", "r2", "rmse")
"""The metrics that `slipway.training.metrics` measures for classifiers and regressors."""

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


class Hold(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Hold the stop on a model. No release or promotion changes the model until it is lifted."""

    by: str
    since: str
    """Start of the hold: RFC 3339, UTC, seconds."""
    reason: str
    rolled_back: str = ""
    """The release that a rollback left. Empty where the hold is made by hand."""


class Origin(Struct, frozen=True, kw_only=True):
    """Hold the release of another environment that a release is promoted from."""

    environment: str
    release: str


class ReleaseRecord(Struct, frozen=True, kw_only=True):
    """Hold the content of `record.yaml` of a release. Reading ignores keys that a newer writer added."""

    release: str
    version: Annotated[int, Meta(ge=1)]
    model_id: str
    fingerprint: Digest
    image: str
    container: bool = False
    """True for an image that the team built as the model. Other images are made of the artifact."""
    artifact: Digest
    commit: str
    """Commit that the release is made from."""
    created: str
    """Time of the release: RFC 3339, UTC, seconds."""
    by: str
    branch: str = ""
    """Branch that the release is built from."""
    run: str = ""
    """Address of the pipeline run that made the release. Empty without a pipeline."""
    size: int = 0
    """Compressed size of the image in bytes. 0 where the registry gives none."""
    verifier: str = ""
    """Image of the Job that verifies the release. Empty without such a Job."""
    verifier_fingerprint: str = ""
    manifests: str = ""
    """Digest of the files beside the record. Empty in a record that gives none."""
    accepted: str = ""
    """Reason for the promotion of a schema that breaks callers."""
    origin: Origin | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    """Metrics of the version from its training."""


class TrainingService(Struct, frozen=True, kw_only=True):
    """Hold the training service part of a training's record; unknown keys of a newer writer are ignored."""

    parameters: dict[str, Parameter] = field(default_factory=dict)
    """The model's parameters with their default values."""


class Training(Struct, frozen=True, kw_only=True):
    """Hold the `record.yaml` of a declared training; unknown keys of a newer writer are ignored."""

    digest: Digest
    """The training digest of the code."""
    image: str
    """The image of the trainer."""
    fingerprint: str = ""
    repository: str = ""
    """The digest of the trainer's part of the checkout, which also covers data, tests and gates."""
    commit: str
    """The commit that the training was declared from."""
    branch: str = ""
    """The branch that was built."""
    run: str = ""
    """The address of the CI run that declared the training; empty outside CI."""
    created: str
    """The time of the digest's first declaration (RFC 3339, UTC, seconds); newer settings do not change it."""
    by: str
    deployed: Annotated[int, Meta(ge=1)] | None = None
    """The deployed version to compare the new one with."""
    schedule: str | None = None
    secrets: dict[str, ModelSecret] = field(default_factory=dict)
    reads: bool = False
    """True if the model's own `read` gets the data itself, for which the step `fetch` needs the secrets."""
    variables: dict[str, str] = field(default_factory=dict)
    settings: TrainingSettings = field(default_factory=TrainingSettings)
    store: str = ""
    """The store of the artifacts, such as `gs://bucket/prefix`."""
    announce: Announce | None = None
    platform: str = ""
    """The image of the platform, which reports the end of a run and runs the training service."""
    platform_fingerprint: str = ""
    scores: list[str] = field(default_factory=lambda: list(USUAL_SCORES))
    """The metrics that the workflow exposes to Prometheus."""
    service: TrainingService | None = None
    """The function that starts trainings, if the model has one."""


class Release(Struct, frozen=True, kw_only=True):
    """Hold one release: its record and the files of its folder. They never change while it is declared."""

    record: ReleaseRecord
    files: dict[str, bytes]

    @property
    def name(self) -> ReleaseName:
        return ReleaseName.parse(self.record.release)

    @property
    def version(self) -> int:
        return self.record.version

    @property
    def age(self) -> tuple[int, str, str]:
        """Return the key that orders releases: the version, then the time of the release."""
        return (self.record.version, self.record.created, self.record.release)


class Overlay(Struct, frozen=True, kw_only=True):
    """Hold everything that is declared for a model in an environment."""

    environment: str
    model: str
    namespace: str
    releases: tuple[Release, ...] = ()
    """Releases, newest first."""
    route: dict[ReleaseName, int] = field(default_factory=dict)
    """Percent of the requests by release, 100 in all. Empty while nothing runs."""
    hold: Hold | None = None
    rejected: tuple[ReleaseName, ...] = ()

    def release(self, name: ReleaseName | str) -> Release:
        """Return the declared release of that name. Raise `SlipwayError` when there is none."""
        found = {str(release.name): release for release in self.releases}
        if str(name) not in found:
            fix = nearest(str(name), found)
            raise SlipwayError(f"{name} is not declared for {self.model} in {self.environment}", fix=fix)
        return found[str(name)]

    def has(self, name: ReleaseName) -> bool:
        """Return True if a release of that name is declared."""
        return any(release.name == name for release in self.releases)

    def serving(self) -> Release | None:
        """Return the newest release on the route, or None while nothing runs."""
        return next((release for release in self.releases if release.name in self.route), None)

    def with_release(self, release: Release) -> Overlay:
        """Return the overlay with a release added or replaced, and no longer rejected. Keep the route."""
        others = [other for other in self.releases if other.name != release.name]
        return msgspec.structs.replace(
            self,
            releases=ordered([*others, release]),
            rejected=tuple(name for name in self.rejected if name != release.name),
        )


def ordered(releases: Iterable[Release]) -> tuple[Release, ...]:
    """Return the releases, newest first."""
    return tuple(sorted(releases, key=lambda release: release.age, reverse=True))


def folder_of(environment: str, model: str) -> str:
    """Return the folder of an overlay within the repository."""
    return f"overlays/{environment}/{model}"


def pick(names: Iterable[ReleaseName], text: str, model: str) -> ReleaseName:
    """Return the release for the text `v7-1a2b3c4d`, or for `v7` or `7` where only one matches.

    Raise `SlipwayError` with the releases that exist when none or several match.
    """
    known = sorted(set(names))
    found = [name for name in known if text in (str(name), f"v{name.version}", str(name.version))]
    if len(found) == 1:
        return found[0]
    if found:
        fix = f"name one of {', '.join(map(str, found))}"
        raise SlipwayError(f"{text} is more than one release of {model}", fix=fix)
    raise SlipwayError(f"{model} has no release {text}", fix=nearest(text, map(str, known)))
