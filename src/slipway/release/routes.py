"""`slipway traffic`, `rollback`, `hold` and `lift`: what a person decides about what runs, each in one commit.

Each goes to `place`, the current branch unless given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from slipway.errors import SlipwayError
from slipway.gitops import edits, history, release_folder
from slipway.gitops.edits import Edited
from slipway.gitops.places import Place
from slipway.gitops.snapshot import Snapshot
from slipway.overlays.types import Hold, Overlay, Release, pick
from slipway.release.due import decide, held
from slipway.release.rejections import Rejections
from slipway.store import store_of

if TYPE_CHECKING:
    from slipway.settings import Settings

__all__ = ["hold", "lift", "rollback", "traffic"]

Decided = tuple[Overlay, str, list[str]]


def traffic(
    settings: Settings, model: str, environment: str, shares: Mapping[str, int], place: Place | None = None
) -> Edited:
    """Share the requests out among declared releases: percent by release (`v6` will do for `v6-1a2b3c4d`).

    Raises `SlipwayError` when a share is not 1 to 100, they are not 100 in all, or a release is not declared.
    """
    for name, percent in shares.items():
        if not 1 <= percent <= 100:
            raise SlipwayError(
                f"{name}={percent} is no share: a route names only what gets requests, 1 to 100 percent",
                fix="leave a release out that shall get none",
            )
    if (total := sum(shares.values())) != 100:
        raise SlipwayError(f"the shares are {total} percent, not 100", fix="slipway traffic MODEL v6=90 v7=10")

    def change(_snapshot: Snapshot, before: Overlay) -> Decided:
        names = [release.name for release in before.releases]
        route = {pick(names, text, f"{environment}/{model}"): percent for text, percent in shares.items()}
        if len(route) != len(shares):
            raise SlipwayError("a release is named twice", fix="give each release one share")
        after = msgspec.structs.replace(before, route=route)
        facts = {"Before": release_folder.shown(before.route), "Now": release_folder.shown(route)}
        lines = [f"{environment}: {model} {release_folder.shown(route)}"]
        if after.hold:
            lines.append(f"{held(after.hold)}; the hold stays")
        return (
            after,
            release_folder.announced(f"{environment}/{model}: traffic {release_folder.shown(route)}", facts),
            lines,
        )

    return edits.edit(settings, environment, model, change, place)


def rollback(
    settings: Settings,
    model: str,
    environment: str,
    *,
    reason: str,
    to: str | None = None,
    place: Place | None = None,
) -> Edited:
    """Go back to an older release, reject every newer one, and hold the model, in one commit.

    Without `to` it goes to the newest older release that was verified here and not rejected, declared or from git's
    history; where there is none, to one that was verified where it was promoted from. With it the store is not asked,
    so that a way back is left when no store can be reached.
    """
    _check_reason(reason)

    def change(snapshot: Snapshot, before: Overlay) -> Decided:
        serving = before.serving()
        if serving is None:
            raise SlipwayError(
                f"nothing of {model} runs in {environment}", fix=f"slipway status {model} --env {environment}"
            )
        known = history.releases(snapshot, before)
        try:
            target, note = (_named(known, serving, before, to), "") if to else _older(snapshot, known, serving, before)
        except SlipwayError as error:
            if not history.is_shallow(snapshot.repository):
                raise
            fix = "git fetch --unshallow, and run it again: this clone lacks older commits, and the releases in them"
            raise SlipwayError(error.problem, fix=fix) from error
        newer = [release.name for release in known if release.age > target.age]
        back = before.with_release(target)
        after = msgspec.structs.replace(
            back,
            releases=tuple(release for release in back.releases if release.age <= target.age),
            route={target.name: 100},
            rejected=tuple(sorted({*back.rejected, *newer})),
            hold=Hold(by=snapshot.repository.identity(), since=edits.now(), reason=reason),
        )
        rejected = ", ".join(str(release.name) for release in before.releases if release.name in newer)
        facts = {
            "Reason": reason,
            "Before": release_folder.shown(before.route),
            "Now": release_folder.shown(after.route),
            "Rejected": rejected or "nothing that was declared",
            "Held": f"until slipway lift {model} --env {environment}",
        }
        lines = [
            f"{environment}: {model} is back at {target.name}; rejected: {facts['Rejected']}",
            f"the model is held, so no release or promotion changes it {facts['Held']}",
            *([note] if note else []),
        ]
        return after, release_folder.announced(f"{environment}/{model}: roll back to {target.name}", facts), lines

    return edits.edit(settings, environment, model, change, place)


def _named(known: Sequence[Release], serving: Release, overlay: Overlay, to: str) -> Release:
    where = f"{overlay.environment}/{overlay.model}"
    name = pick([release.name for release in known], to, where)
    target = next(release for release in known if release.name == name)
    if target.age > serving.age:
        raise SlipwayError(
            f"{name} is newer than {serving.name}, which runs",
            fix=f"slipway traffic {overlay.model} --env {overlay.environment} …, or slipway lift and release --version",
        )
    if target == overlay.releases[0] and overlay.route == {name: 100}:
        raise SlipwayError(
            f"{name} is all that runs, and nothing declared is newer",
            fix=f"to keep it so: slipway hold {overlay.model} --env {overlay.environment} --reason '…'",
        )
    return target


def _older(snapshot: Snapshot, known: Sequence[Release], serving: Release, overlay: Overlay) -> tuple[Release, str]:
    """The release to go back to, and what there is to be known of it."""
    store = snapshot.store(overlay.environment)
    rejections = Rejections(overlay, store, known)
    older = [
        release
        for release in known
        if release.age < serving.age
        and release.name not in overlay.rejected
        and not rejections.bars(release.name.short, release.record.artifact)
    ]
    promoted = next((release for release in older if release.record.origin is not None), None)
    why = f"nothing older was verified in {overlay.environment}"
    try:
        for release in older:
            if store.verified(overlay.model, release.name) is not None:
                return release, ""
    except SlipwayError as error:
        if promoted is None:
            raise
        why = error.problem
    if promoted is not None and promoted.record.origin is not None:
        # It is the same image.
        return promoted, f"{promoted.name} was verified in {promoted.record.origin.environment} alone: {why}"
    names = ", ".join(str(release.name) for release in older)
    raise SlipwayError(
        f"{overlay.model} in {overlay.environment} has no older release than {serving.name} that was verified",
        fix=f"name one that was not: --to RELEASE ({names})" if names else "there is no older one at all",
    )


def hold(settings: Settings, model: str, environment: str, *, reason: str, place: Place | None = None) -> Edited:
    """Stop releases and promotions of a model in an environment, until it is lifted."""
    _check_reason(reason)

    def change(snapshot: Snapshot, before: Overlay) -> Decided:
        if before.hold is not None:
            return before, "", [f"{environment}: {model} is {held(before.hold)}"]
        new = Hold(by=snapshot.repository.identity(), since=edits.now(), reason=reason)
        message = release_folder.announced(
            f"{environment}/{model}: hold", {"Reason": reason, "Runs": release_folder.shown(before.route)}
        )
        return msgspec.structs.replace(before, hold=new), message, [f"{environment}: {model} is {held(new)}"]

    return edits.edit(settings, environment, model, change, place)


def lift(settings: Settings, model: str, environment: str, place: Place | None = None) -> Edited:
    """End a hold; nothing that was rejected comes back by that. Says what is due now."""

    def change(_snapshot: Snapshot, before: Overlay) -> Decided:
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


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise SlipwayError("no reason is given", fix="--reason 'what is wrong', for whoever finds it stopped")
    if not reason.isprintable():
        raise SlipwayError("the reason has a line end or a control character in it", fix="say it in one line")
