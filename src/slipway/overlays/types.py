"""What is declared of a model in an environment, as data: releases, the route, a hold, and what was rejected."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

from slipway.errors import SlipwayError
from slipway.names import ReleaseName, nearest

__all__ = ["Hold", "Origin", "Overlay", "Release", "ReleaseRecord", "folder_of", "ordered", "pick"]

Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


class Hold(Struct, frozen=True, kw_only=True):
    """A written stop: no release or promotion changes the model until it is lifted."""

    by: str
    since: str
    """RFC 3339, UTC, seconds."""
    reason: str


class Origin(Struct, frozen=True, kw_only=True):
    """The release of another environment that this one was promoted from."""

    environment: str
    release: str


class ReleaseRecord(Struct, frozen=True, kw_only=True):
    """What is known of a release, as its `record.yaml` holds it; keys that a newer writer added are passed over."""

    release: str
    version: Annotated[int, Meta(ge=1)]
    model_id: str
    fingerprint: Digest
    image: str
    container: bool = False
    """Whether the image is the model itself, as its team built it, and was not made of the artifact."""
    artifact: Digest
    commit: str
    """The commit that it was made from."""
    created: str
    """RFC 3339, UTC, seconds."""
    by: str
    branch: str = ""
    """The branch that was built."""
    run: str = ""
    """The address of the run that made it; empty where that was no pipeline's."""
    size: int = 0
    """Compressed bytes of the image; 0 where the registry did not say."""
    verifier: str = ""
    """The image that verifies it where it runs; empty where nothing does by itself."""
    verifier_fingerprint: str = ""
    accepted: str = ""
    """Why a schema that breaks callers was promoted all the same."""
    origin: Origin | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    """What training measured of the version."""


class Release(Struct, frozen=True, kw_only=True):
    """One release: its folder's files, which never change while it is declared, and its record among them."""

    record: ReleaseRecord
    files: dict[str, bytes]

    @property
    def name(self) -> ReleaseName:
        """Version and short fingerprint."""
        return ReleaseName.parse(self.record.release)

    @property
    def version(self) -> int:
        """Its version in its environment."""
        return self.record.version

    @property
    def age(self) -> tuple[int, str, str]:
        """What releases are ordered by: the version first; of the same version, the one made later is newer."""
        return (self.record.version, self.record.created, self.record.release)


class Overlay(Struct, frozen=True, kw_only=True):
    """All that is declared of a model in an environment."""

    environment: str
    model: str
    namespace: str
    releases: tuple[Release, ...] = ()
    """Newest first."""
    route: dict[ReleaseName, int] = field(default_factory=dict)
    """Percent of the requests, 100 in all; empty while nothing runs."""
    hold: Hold | None = None
    rejected: tuple[ReleaseName, ...] = ()

    def release(self, name: ReleaseName | str) -> Release:
        """The declared release of that name; raises `SlipwayError` when there is none."""
        found = {str(release.name): release for release in self.releases}
        if str(name) not in found:
            raise SlipwayError(
                f"{name} is not declared for {self.model} in {self.environment}", fix=nearest(str(name), found)
            )
        return found[str(name)]

    def has(self, name: ReleaseName) -> bool:
        """Whether a release of that name is declared."""
        return any(release.name == name for release in self.releases)

    def serving(self) -> Release | None:
        """The newest release on the route."""
        return next((release for release in self.releases if release.name in self.route), None)

    def with_release(self, release: Release) -> Overlay:
        """This overlay with a release more (or anew), which is no longer rejected; the route stays."""
        others = [other for other in self.releases if other.name != release.name]
        return msgspec.structs.replace(
            self,
            releases=ordered([*others, release]),
            rejected=tuple(name for name in self.rejected if name != release.name),
        )


def ordered(releases: Iterable[Release]) -> tuple[Release, ...]:
    """Newest first."""
    return tuple(sorted(releases, key=lambda release: release.age, reverse=True))


def folder_of(environment: str, model: str) -> str:
    """Where the overlay is, within the repository."""
    return f"overlays/{environment}/{model}"


def pick(names: Iterable[ReleaseName], text: str, model: str) -> ReleaseName:
    """The release that a person means by `v7-1a2b3c4d`, or by `v7` or `7` where that is only one.

    Raises `SlipwayError` naming what there is.
    """
    known = sorted(set(names))
    found = [name for name in known if text in (str(name), f"v{name.version}", str(name.version))]
    if len(found) == 1:
        return found[0]
    if found:
        raise SlipwayError(
            f"{text} is more than one release of {model}", fix=f"name one of {', '.join(map(str, found))}"
        )
    raise SlipwayError(f"{model} has no release {text}", fix=nearest(text, map(str, known)))
