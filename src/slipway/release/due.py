"""The version of a model that is due in an environment, or that a person chose, and the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from slipway.errors import SlipwayError
from slipway.models.discovery import training_digest
from slipway.overlays.types import Hold, Overlay
from slipway.release.maker import fingerprint_of
from slipway.release.rejections import Rejections
from slipway.settings import Settings
from slipway.store import Record, Store

__all__ = ["Choice", "DueVersion", "check_environment", "choose", "decide", "due", "held", "names_of"]


class DueVersion(NamedTuple):
    """The version to release, or None, and the reason in words."""

    record: Record | None
    reason: str
    failed: bool = False
    """True if a version is missing that should exist."""
    result: str = ""
    """The name of the result, if `record`, `failed` and a hold do not imply it."""


def held(hold: Hold) -> str:
    """Describe a hold: its author, time and reason."""
    return f"held by {hold.by} since {hold.since}: {hold.reason}"


def due(
    overlay: Overlay,
    records: Iterable[Record],
    *,
    digest: str | None = None,
    pin: int | None = None,
    fingerprint: Callable[[Record], str] = lambda _: "",
    rejections: Rejections | None = None,
) -> DueVersion:
    """Decide by the records of a model's versions, newest first. Read only as many records as needed.

    A version that was released before is not due again, whatever its share: a person decided that. `digest` is the
    training digest of the code; None if versions are published by hand. `pin` is the version that the settings pin.
    `fingerprint` returns the fingerprint of a version's image, and is called only if the overlay has rejections. A
    training that makes a rejected image again does not bring it back. `rejections` also bar a rejected artifact in a
    new image.
    """
    rejections = rejections or Rejections(overlay)
    if overlay.hold is not None:
        return DueVersion(None, held(overlay.hold))
    if pin is not None:
        return _pinned(overlay, records, pin, rejections)
    rejected = {name.version for name in overlay.rejected}
    newest = overlay.releases[0].version if overlay.releases else 0
    passed: list[str] = []
    for record in records:
        if record.version <= newest:
            return _nothing(overlay, record, newest, digest, passed)
        if record.version in rejected:
            passed.append(f"v{record.version} was rejected")
        elif digest is not None and _digest(record) != digest:
            passed.append(_differs(record))
        elif reason := _rejected(overlay, rejections, record, fingerprint):
            passed.append(reason)
        else:
            return DueVersion(record, _newer(record.version, newest, passed))
    return DueVersion(None, "; ".join(passed)) if passed else _no_version(overlay, newest)


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


def _pinned(overlay: Overlay, records: Iterable[Record], pin: int, rejections: Rejections) -> DueVersion:
    if {name.version for name in overlay.route} == {pin}:
        return DueVersion(None, f"v{pin} is pinned and deployed")
    if rejected := [name for name in overlay.rejected if name.version == pin]:
        return DueVersion(None, f"v{pin} is pinned, but {rejected[-1]} was rejected")
    record = next((record for record in records if record.version == pin), None)
    if record is None:
        return DueVersion(None, f"v{pin} is pinned, but there is no such version", failed=True)
    if reason := _rejected(overlay, rejections, record):
        return DueVersion(None, f"v{pin} is pinned, but {reason}")
    return DueVersion(record, f"v{pin} is pinned")


def _nothing(overlay: Overlay, record: Record, newest: int, digest: str | None, passed: list[str]) -> DueVersion:
    if passed:
        return DueVersion(None, "; ".join([_runs(overlay, newest), *passed]))
    if record.version < newest:
        return DueVersion(None, _lost(f"nothing newer than v{record.version}", newest), failed=True)
    reason = f"{_runs(overlay, newest)}, and nothing is newer"
    if digest is not None and _digest(record) != digest:
        reason += f"; the code has changed since: slipway train {overlay.model} --env {overlay.environment}"
    return DueVersion(None, reason)


def _runs(overlay: Overlay, newest: int) -> str:
    """Describe the newest release: it answers requests, or it gets none."""
    serving = overlay.serving()
    if serving is not None and serving.version == newest:
        return f"v{newest} is deployed"
    place = f"{overlay.model} --env {overlay.environment}"
    ways = f"slipway traffic {place} v{newest}=100, or slipway release {place} --version {newest}"
    return f"v{newest} is declared and gets no requests ({ways})"


def _no_version(overlay: Overlay, newest: int) -> DueVersion:
    if newest:
        return DueVersion(None, _lost("no version", newest), failed=True)
    command = f"slipway train {overlay.model} --env {overlay.environment}"
    return DueVersion(None, f"no version yet: {command}", failed=True)


def _lost(found: str, newest: int) -> str:
    return (
        f"v{newest} is deployed, but the store has {found}: bring the lost store back, or see that slipway.yaml "
        f"names the right one; until it has a version above {newest}, nothing is released"
    )


def _newer(version: int, newest: int, passed: list[str]) -> str:
    because = f"v{version} is newer than the deployed v{newest}" if newest else f"v{version} is the first release"
    return "; ".join([because, *passed])


def _digest(record: Record) -> str | None:
    return record.training.digest if record.training else None


def _differs(record: Record) -> str:
    command = f"slipway train {record.model} --env {record.environment}"
    if record.training is None:
        return (
            f"v{record.version} was published by hand, and the settings say that this model trains itself: "
            f"--version {record.version}, or train: manual"
        )
    return f"v{record.version}'s training digest differs from the code: train it again: {command}"


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


def decide(settings: Settings, model: str, store: Store, overlay: Overlay, newest: int | None = None) -> DueVersion:
    """Decide which version is due, by the settings, the code, the store and the overlay of a model.

    Ignore versions above `newest`. If one of them is already released, nothing is due.
    """
    of = settings.model(model)
    if "predict" not in of.services:
        return DueVersion(None, "it does not predict (services in slipway.yaml)")
    pin = of.pin.get(overlay.environment)
    released = overlay.releases[0].version if overlay.releases else 0
    if newest is not None and released > newest and pin is None and overlay.hold is None:
        return DueVersion(None, f"v{released} was released since")
    versions = [version for version in reversed(store.versions(model)) if newest is None or version <= newest]
    digest = None if of.train == "manual" or overlay.hold else training_digest(settings, model)
    return due(
        overlay,
        (store.record(model, version) for version in versions),
        digest=digest,
        pin=pin,
        fingerprint=lambda record: fingerprint_of(settings, record),
        rejections=Rejections(overlay, store),
    )


def choose(choice: Choice, settings: Settings, model: str, store: Store, overlay: Overlay) -> DueVersion:
    """Decide on the chosen version, or on the due one. Raise `SlipwayError` when a hold stops the chosen one."""
    if not choice.explicit:
        return decide(settings, model, store, overlay)
    if overlay.hold is not None:
        fix = f"slipway lift {model} --env {overlay.environment}, when the reason is gone"
        raise SlipwayError(held(overlay.hold), fix=fix)
    record = store.find(model, version=choice.version, where=choice.where)
    serving = overlay.serving()
    reason = f"v{record.version} was asked for"
    if serving is not None and record.version < serving.version:
        reason += (
            f", although v{serving.version} is newer: it stays until a version comes that is newer than both, or longer"
            f" where slipway.yaml pins it (pin: {{{overlay.environment}: {record.version}}})"
        )
    return DueVersion(record, reason)
