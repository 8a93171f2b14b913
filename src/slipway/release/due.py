"""Which version of a model is due in an environment, and why: a pure function of what is known."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from slipway.names import ReleaseName
    from slipway.overlays.overlay_types import Hold, Overlay
    from slipway.store import Record

__all__ = ["Decision", "due", "held"]


class Decision(NamedTuple):
    """The version to release, or None, and the reason in words."""

    record: "Record | None"
    reason: str
    failed: bool = False
    """Whether something that should be there is missing."""
    result: str = ""
    """What to call it, where `record`, `failed` and a hold do not say that."""


def held(hold: "Hold") -> str:
    """Who stopped a model, since when and why."""
    return f"held by {hold.by} since {hold.since}: {hold.reason}"


def due(
    overlay: "Overlay",
    records: "Iterable[Record]",
    *,
    digest: str | None = None,
    pin: int | None = None,
    fingerprint: "Callable[[Record], str]" = lambda _: "",
) -> Decision:
    """Decide on the records of a model's versions, newest first (they are read no further than needed).

    What was released before is not due again, whatever it gets of the requests: that was decided by a person.
    `digest` is the training digest of the code; None for a model whose versions are published by hand, where it does
    not count. `pin` is the version that the settings pin. `fingerprint` gives that of a version's image, and is asked
    only where something was rejected: a training that makes the same again does not bring it back.
    """
    if overlay.hold is not None:
        return Decision(None, held(overlay.hold))
    if pin is not None:
        return _pinned(overlay, records, pin)
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
        elif same := _rejected_image(overlay, record, fingerprint):
            passed.append(f"v{record.version} is the same image as {same}, which was rejected")
        else:
            return Decision(record, _newer(record.version, newest, passed))
    return Decision(None, "; ".join(passed)) if passed else _no_version(overlay, newest)


def _rejected_image(
    overlay: "Overlay", record: "Record", fingerprint: "Callable[[Record], str]"
) -> "ReleaseName | None":
    """The rejected release of the same image; an image that also answers requests now is none."""
    serving = {name.short for name in overlay.route}
    rejected = {name.short: name for name in overlay.rejected if name.short not in serving}
    return rejected.get(fingerprint(record)[:8]) if rejected else None


def _pinned(overlay: "Overlay", records: "Iterable[Record]", pin: int) -> Decision:
    if {name.version for name in overlay.route} == {pin}:
        return Decision(None, f"v{pin} is pinned and deployed")
    if rejected := [name for name in overlay.rejected if name.version == pin]:
        return Decision(None, f"v{pin} is pinned, but {rejected[-1]} was rejected")
    record = next((record for record in records if record.version == pin), None)
    if record is None:
        return Decision(None, f"v{pin} is pinned, but there is no such version", failed=True)
    return Decision(record, f"v{pin} is pinned")


def _nothing(overlay: "Overlay", record: "Record", newest: int, digest: str | None, passed: list[str]) -> Decision:
    if passed:
        return Decision(None, "; ".join([_runs(overlay, newest), *passed]))
    if record.version < newest:
        return Decision(None, _lost(f"nothing newer than v{record.version}", newest), failed=True)
    reason = f"{_runs(overlay, newest)}, and nothing is newer"
    if digest is not None and _digest(record) != digest:
        reason += f"; the code has changed since: slipway train {overlay.model} --env {overlay.environment}"
    return Decision(None, reason)


def _runs(overlay: "Overlay", newest: int) -> str:
    """What answers requests, and that the newest release does not where that is so."""
    serving = overlay.serving()
    if serving is not None and serving.version == newest:
        return f"v{newest} is deployed"
    place = f"{overlay.model} --env {overlay.environment}"
    ways = f"slipway traffic {place} v{newest}=100, or slipway release {place} --version {newest}"
    return f"v{newest} is declared and gets no requests ({ways})"


def _no_version(overlay: "Overlay", newest: int) -> Decision:
    if newest:
        return Decision(None, _lost("no version", newest), failed=True)
    command = f"slipway train {overlay.model} --env {overlay.environment}"
    return Decision(None, f"no version yet: {command}", failed=True)


def _lost(found: str, newest: int) -> str:
    return (
        f"v{newest} is deployed, but the store has {found}: bring the lost store back, or see that slipway.yaml "
        f"names the right one; until it has a version above {newest}, nothing is released"
    )


def _newer(version: int, newest: int, passed: list[str]) -> str:
    because = f"v{version} is newer than the deployed v{newest}" if newest else f"v{version} is the first release"
    return "; ".join([because, *passed])


def _digest(record: "Record") -> str | None:
    return record.training.digest if record.training else None


def _differs(record: "Record") -> str:
    command = f"slipway train {record.model} --env {record.environment}"
    if record.training is None:
        return (
            f"v{record.version} was published by hand, and the settings say that this model trains itself: "
            f"--version {record.version}, or train: manual"
        )
    return f"v{record.version}'s training digest differs from the code: train it again: {command}"
