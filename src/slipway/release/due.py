"""The version of a model that is due in an environment, or that a person chose, and the reason.

A rollback bars the image and the artifact of a release until a person chooses it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

import msgspec

from slipway.errors import SlipwayError
from slipway.models.discovery import training_digest
from slipway.names import ReleaseName
from slipway.overlays.types import Hold, Overlay, Release
from slipway.release.maker import fingerprint_of
from slipway.settings import Settings
from slipway.store import Record, Store


class DueVersion(NamedTuple):
    """The version to release, or None, and the reason in words."""

    record: Record | None
    reason: str
    result: str = "nothing due"
    """The result of the run without a record. It is `skipped` if a version is missing that should exist."""


class Choice(NamedTuple):
    """The version that a person chose, and the share of its release."""

    version: int | None = None
    where: Mapping[str, str] = {}
    """Metadata to search for. The newest version that has all of it is chosen."""
    traffic: int = 100
    """The share of a new release, in percent."""
    explicit: bool = False
    """True if a person chose the version, by its number or by metadata."""

    @classmethod
    def of(cls, version: int | None, where: Mapping[str, str], traffic: int = 100) -> Choice:
        """Return the choice of a version, of metadata, or of neither."""
        return cls(version, where, traffic, version is not None or bool(where))


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


def held(hold: Hold) -> str:
    """Describe a hold: its author, time and reason."""
    return f"held by {hold.by} since {hold.since}: {hold.reason}"


class HeldError(SlipwayError):
    """A hold stops this, which nobody has to mend."""


def refuse_held(overlay: Overlay, other_way: str = "") -> None:
    """Raise `HeldError` when a model is held. `other_way` is another fix than to lift the hold."""
    if overlay.hold is not None:
        fix = f"slipway lift {_at(overlay)}, when the reason is gone{other_way}"
        raise HeldError(f"{overlay.model} in {overlay.environment} is {held(overlay.hold)}", fix=fix)


def check_environment(settings: Settings, environment: str) -> None:
    """Raise `SlipwayError` when an environment takes promotions only."""
    settings.refuse_promoted(environment, f"slipway promote MODEL --to {environment}")


def names_of(settings: Settings, models: Sequence[str], environment: str, choice: Choice) -> list[str]:
    """Return the sorted names of the models to release. Raise `SlipwayError` when the request is invalid."""
    check_environment(settings, environment)
    if choice.version is not None and len(models) != 1:
        raise SlipwayError("--version is the version of one model", fix="name the model: slipway release MODEL …")
    if not 1 <= choice.traffic <= 100:
        raise SlipwayError(f"{choice.traffic} % is no share of the requests", fix="give 1 to 100")
    for name in models:
        settings.model(name)
    found = sorted(set(models)) or settings.models()
    if not found:
        raise SlipwayError("there is no model", fix="slipway new NAME makes one")
    return found


def choose(choice: Choice, settings: Settings, store: Store, overlay: Overlay) -> DueVersion:
    """Return the chosen version, or the due one. Raise `SlipwayError` when a hold stops the chosen one."""
    if not choice.explicit:
        return decide(settings, store, overlay)
    refuse_held(overlay)
    record = store.find(overlay.model, version=choice.version, where=choice.where)
    serving = overlay.serving()
    reason = f"a person chose v{record.version}"
    if serving is not None and record.version < serving.version:
        reason += (
            f", although v{serving.version} is newer: it stays until a version comes that is newer than both; to keep"
            f" it longer, pin it in slipway.yaml (pin: {{{overlay.environment}: {record.version}}})"
        )
    return DueVersion(record, reason)


def decide(settings: Settings, store: Store, overlay: Overlay, newest: int | None = None) -> DueVersion:
    """Return the version that is due by the settings, the code, the store and the overlay of a model.

    Ignore versions above `newest`. If one of them is already released, nothing is due.
    """
    model, released = overlay.model, _newest(overlay)
    of = settings.model(model)
    if "predict" not in of.services:
        return DueVersion(None, "it does not predict (services in slipway.yaml)")
    pin = of.pin.get(overlay.environment)
    if newest is not None and released > newest and pin is None and overlay.hold is None:
        return DueVersion(None, f"v{released} was released since")
    versions = [version for version in reversed(store.versions(model)) if newest is None or version <= newest]
    return due(
        overlay,
        (store.record(model, version) for version in versions),
        digest=None if of.train == "manual" or overlay.hold else training_digest(settings, model),
        pin=pin,
        fingerprint=lambda record: fingerprint_of(settings, record),
        rejections=Rejections(overlay, store),
    )


def due(
    overlay: Overlay,
    records: Iterable[Record],
    *,
    digest: str | None = None,
    pin: int | None = None,
    fingerprint: Callable[[Record], str] = lambda _: "",
    rejections: Rejections | None = None,
) -> DueVersion:
    """Return the due one of a model's versions, newest first. Read only as many records as needed.

    A version that was released before is not due again, whatever its share: a person decided that. `digest` is the
    training digest of the code; None if versions are published by hand. `pin` is the version that the settings pin.
    `fingerprint` returns the fingerprint of a version's image. It is called only if the overlay has rejections, which
    bar the rejected image and artifact under any version.
    """
    rejections = rejections or Rejections(overlay)
    if overlay.hold is not None:
        return DueVersion(None, held(overlay.hold), "held")
    if pin is not None:
        return _pinned(overlay, records, pin, rejections)
    rejected = {name.version for name in overlay.rejected}
    newest = _newest(overlay)
    passed: list[str] = []
    for record in records:
        version = record.version
        if version <= newest:
            return _nothing_newer(overlay, record, digest, passed)
        if version in rejected:
            passed.append(f"v{version} was rejected")
        elif digest is not None and _digest(record) != digest:
            passed.append(_differs(record))
        elif reason := _rejected(overlay, rejections, record, fingerprint):
            passed.append(reason)
        else:
            why = f"v{version} is newer than the deployed v{newest}" if newest else f"v{version} is the first release"
            return DueVersion(record, "; ".join([why, *passed]))
    if passed:
        return DueVersion(None, "; ".join(passed))
    missing = _lost("no version", newest) if newest else f"no version yet: slipway train {_at(overlay)}"
    return DueVersion(None, missing, "skipped")


def _pinned(overlay: Overlay, records: Iterable[Record], pin: int, rejections: Rejections) -> DueVersion:
    if {name.version for name in overlay.route} == {pin}:
        return DueVersion(None, f"v{pin} is pinned and deployed")
    if rejected := [name for name in overlay.rejected if name.version == pin]:
        return DueVersion(None, f"v{pin} is pinned, but {rejected[-1]} was rejected")
    record = next((record for record in records if record.version == pin), None)
    if record is None:
        return DueVersion(None, f"v{pin} is pinned, but there is no such version", "skipped")
    if reason := _rejected(overlay, rejections, record):
        return DueVersion(None, f"v{pin} is pinned, but {reason}")
    return DueVersion(record, f"v{pin} is pinned")


def _nothing_newer(overlay: Overlay, record: Record, digest: str | None, passed: list[str]) -> DueVersion:
    newest, serving = _newest(overlay), overlay.serving()
    runs = f"v{newest} is deployed"
    if serving is None or serving.version != newest:
        ways = f"slipway traffic {_at(overlay)} v{newest}=100, or slipway release {_at(overlay)} --version {newest}"
        runs = f"v{newest} is declared and gets no requests ({ways})"
    if passed:
        return DueVersion(None, "; ".join([runs, *passed]))
    if record.version < newest:
        return DueVersion(None, _lost(f"nothing newer than v{record.version}", newest), "skipped")
    changed = digest is not None and _digest(record) != digest
    ways = f"; the code has changed since: slipway train {_at(overlay)}" if changed else ""
    return DueVersion(None, f"{runs}, and nothing is newer{ways}")


def _rejected(
    overlay: Overlay, rejections: Rejections, record: Record, fingerprint: Callable[[Record], str] = lambda _: ""
) -> str:
    """Describe the rejection that bars a version with another number; "" if there is none."""
    if not overlay.rejected:
        return ""
    short = fingerprint(record)[:8]
    same = rejections.bars(short, record.artifact.digest)
    kind = "image" if same and same.short == short else "artifact"
    return f"v{record.version} is the same {kind} as {same}, which was rejected" if same else ""


def _lost(found: str, newest: int) -> str:
    return (
        f"v{newest} is deployed, but the store has {found}: restore the store, or name the right one in slipway.yaml; "
        f"nothing is released until it has a version above {newest}"
    )


def _differs(record: Record) -> str:
    if record.training is None:
        return (
            f"v{record.version} was published by hand, but this model is trained from its code: release it with "
            f"--version {record.version}, or set train: manual in slipway.yaml"
        )
    command = f"slipway train {record.model} --env {record.environment}"
    return f"v{record.version}'s training digest differs from the code: train it again: {command}"


def _digest(record: Record) -> str | None:
    return record.training.digest if record.training else None


def _newest(overlay: Overlay) -> int:
    """Return the version of the newest release; 0 without a release."""
    return overlay.releases[0].version if overlay.releases else 0


def _at(overlay: Overlay) -> str:
    """Return the words of a command that name the model and the environment."""
    return f"{overlay.model} --env {overlay.environment}"
