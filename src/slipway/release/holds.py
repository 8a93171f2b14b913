"""`slipway hold` and `slipway lift`: stop and resume the releases and promotions of a model."""

from __future__ import annotations

import msgspec

from slipway.errors import SlipwayError
from slipway.gitops import edits, release_folder
from slipway.gitops.branches import Place
from slipway.gitops.edits import Edited
from slipway.gitops.snapshot import Snapshot
from slipway.overlays.types import Hold, Overlay
from slipway.release.due import decide, held
from slipway.settings import Settings
from slipway.store import store_of

__all__ = ["check_reason", "hold", "lift"]


def hold(settings: Settings, model: str, environment: str, *, reason: str, place: Place | None = None) -> Edited:
    """Stop the releases and promotions of a model in an environment until the hold is lifted."""
    check_reason(reason)

    def change(snapshot: Snapshot, before: Overlay) -> tuple[Overlay, str, list[str]]:
        if before.hold is not None:
            return before, "", [f"{environment}: {model} is {held(before.hold)}"]
        new = Hold(by=snapshot.repository.identity(), since=edits.now(), reason=reason)
        message = release_folder.announced(
            f"{environment}/{model}: hold", {"Reason": reason, "Runs": release_folder.shown(before.route)}
        )
        return msgspec.structs.replace(before, hold=new), message, [f"{environment}: {model} is {held(new)}"]

    return edits.edit(settings, environment, model, change, place)


def lift(settings: Settings, model: str, environment: str, place: Place | None = None) -> Edited:
    """Lift a hold, and report what is due now. Rejected releases stay rejected."""

    def change(_snapshot: Snapshot, before: Overlay) -> tuple[Overlay, str, list[str]]:
        if before.hold is None:
            return before, "", [f"{environment}: {model} is not held"]
        after = msgspec.structs.replace(before, hold=None)
        message = release_folder.announced(f"{environment}/{model}: lift the hold", {"It was": held(before.hold)})
        lines = [f"{environment}: {model} is not held any more", _next(settings, after)]
        return after, message, lines

    return edits.edit(settings, environment, model, change, place)


def _next(settings: Settings, overlay: Overlay) -> str:
    if settings.environment(overlay.environment).promotes_from:
        return f"next: slipway promote {overlay.model} --to {overlay.environment}"
    try:
        decision = decide(settings, overlay.model, store_of(settings, overlay.environment), overlay)
    except SlipwayError as error:
        return f"what is due cannot be told: {error}"
    if decision.record is None:
        return f"nothing is due: {decision.reason}"
    return f"due now: {decision.reason}: slipway release {overlay.model} --env {overlay.environment}"


def check_reason(reason: str) -> None:
    """Raise `SlipwayError` when a reason is empty or not one line of printable text."""
    if not reason.strip():
        raise SlipwayError("no reason is given", fix="--reason 'what is wrong', for whoever finds it stopped")
    if not reason.isprintable():
        raise SlipwayError("the reason has a line end or a control character in it", fix="say it in one line")
