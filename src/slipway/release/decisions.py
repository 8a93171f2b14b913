"""Decisions of a person on a model, each in one commit: `slipway hold`, `lift`, `rollback` and `traffic`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from slipway.errors import SlipwayError
from slipway.gitops import edits, history, release_folder
from slipway.gitops.branches import Place
from slipway.gitops.edits import Edited
from slipway.gitops.snapshot import Snapshot
from slipway.names import ReleaseName
from slipway.overlays.overlay import is_altered, refuse_altered
from slipway.overlays.types import Hold, Overlay, Release, pick
from slipway.release.due import Rejections, decide, held
from slipway.settings import Settings
from slipway.store import store_of
from slipway.store.records import now
from slipway.text import is_plain

NOTHING = "nothing"
"""Where a rollback goes that has no release to go back to."""

_NOTHING_ANSWERS = "nothing answers until a release is made: callers get 404"


def hold(settings: Settings, model: str, environment: str, *, reason: str, place: Place | None = None) -> Edited:
    """Stop the releases and promotions of a model in an environment until the hold is lifted."""
    _check_reason(reason)

    def change(snapshot: Snapshot, before: Overlay) -> tuple[Overlay, str, list[str]]:
        if before.hold is not None:
            return before, "", [f"{environment}: {model} is {held(before.hold)}"]
        new = _hold(snapshot, reason)
        facts = {"Reason": reason, "Runs": release_folder.shown(before.route)}
        message = release_folder.announced(f"{environment}/{model}: hold", facts)
        return msgspec.structs.replace(before, hold=new), message, [f"{environment}: {model} is {held(new)}"]

    return edits.edit(settings, environment, model, change, place)


def lift(settings: Settings, model: str, environment: str, place: Place | None = None) -> Edited:
    """Lift a hold, and report what is due now. Rejected releases stay rejected."""

    def change(_snapshot: Snapshot, before: Overlay) -> tuple[Overlay, str, list[str]]:
        if before.hold is None:
            return before, "", [f"{environment}: {model} is not held"]
        after = msgspec.structs.replace(before, hold=None)
        message = release_folder.announced(f"{environment}/{model}: lift the hold", {"It was": held(before.hold)})
        return after, message, [f"{environment}: {model} is no longer held", _next(settings, after)]

    return edits.edit(settings, environment, model, change, place)


def rollback(
    settings: Settings,
    model: str,
    environment: str,
    *,
    reason: str,
    to: str | None = None,
    left: str | None = None,
    place: Place | None = None,
) -> Edited:
    """Route all requests to an older release, reject every newer one, and hold the model.

    `left` is the release to go back from. Nothing changes when it is rejected, so a rollback can be repeated. Without
    `left` and `to`, raise `SlipwayError` while the hold of an earlier rollback stands: the second of two people, or a
    repeated command, must not go back twice.

    Without `to`, choose the newest older release that is verified in this environment and not rejected. It may be
    declared or in the history of git. If there is none, choose a promoted release, which its source environment
    verified. With `to`, do not read the store, so that a rollback works without it. With `to="nothing"`, take the model
    off: reject all its releases, and declare none.
    """
    _check_reason(reason)

    def change(snapshot: Snapshot, before: Overlay) -> tuple[Overlay, str, list[str]]:
        if left is not None and _is_left(before, left):
            runs = release_folder.shown(before.route)
            return before, "", [f"{environment}: {model} is already rolled back from {left}: {runs}"]
        if left is None and to is None:
            _check_first(before)
        serving = _serving(before)
        stop = _hold(snapshot, reason, rolled_back=str(serving.name))
        known, target, note = _target(snapshot, before, serving, to)
        if target is not None:
            refuse_altered(target, before)
        newer = [release.name for release in known if target is None or release.age > target.age]
        after = msgspec.structs.replace(_back(before, target, newer), hold=stop)
        rejected = ", ".join(str(release.name) for release in before.releases if release.name in newer)
        there = target.name if target else NOTHING
        facts = {
            "Reason": reason,
            "Before": release_folder.shown(before.route),
            "Now": release_folder.shown(after.route),
            "Rejected": rejected or "no declared release",
            "Held": f"until slipway lift {model} --env {environment}",
        }
        lines = [
            f"{environment}: {model} is back at {there}; rejected: {facts['Rejected']}",
            f"the model is held, so no release or promotion changes it {facts['Held']}",
            *([note] if note else []),
        ]
        return after, release_folder.announced(f"{environment}/{model}: roll back to {there}", facts), lines

    return edits.edit(settings, environment, model, change, place)


def traffic(
    settings: Settings, model: str, environment: str, shares: Mapping[str, int], place: Place | None = None
) -> Edited:
    """Divide the requests among declared releases. `shares` maps a release to its percentage.

    `v6` is short for `v6-1a2b3c4d`. Raise `SlipwayError` when a share is not 1 to 100, the sum is not 100, or a release
    is not declared.
    """
    for name, percent in shares.items():
        if not 1 <= percent <= 100:
            problem = f"{name}={percent} is no share: a route names only releases that get 1 to 100 percent"
            raise SlipwayError(problem, fix="leave out each release that is to get no requests")
    if (total := sum(shares.values())) != 100:
        raise SlipwayError(f"the shares add up to {total} percent, not 100", fix="slipway traffic MODEL v6=90 v7=10")

    def change(_snapshot: Snapshot, before: Overlay) -> tuple[Overlay, str, list[str]]:
        names = [release.name for release in before.releases]
        route = {pick(names, text, f"{environment}/{model}"): percent for text, percent in shares.items()}
        if len(route) != len(shares):
            raise SlipwayError("a release is named twice", fix="give each release one share")
        for name in route:
            refuse_altered(before.release(name), before)
        shown = release_folder.shown(route)
        facts = {"Before": release_folder.shown(before.route), "Now": shown}
        lines = [f"{environment}: {model} {shown}", *([f"{held(before.hold)}; the hold stays"] if before.hold else [])]
        message = release_folder.announced(f"{environment}/{model}: traffic {shown}", facts)
        return msgspec.structs.replace(before, route=route), message, lines

    return edits.edit(settings, environment, model, change, place)


def _check_reason(reason: str) -> None:
    """Raise `SlipwayError` when a reason is empty or not one line of printable text."""
    if not reason.strip():
        raise SlipwayError("no reason is given", fix="say with --reason what is wrong: others will read it")
    if not is_plain(reason):
        problem = "the reason has a line end, a control character or a mark of direction in it"
        raise SlipwayError(problem, fix="write it in one line")


def _hold(snapshot: Snapshot, reason: str, rolled_back: str = "") -> Hold:
    return Hold(by=snapshot.repository.identity(), since=now(), reason=reason, rolled_back=rolled_back)


def _back(before: Overlay, target: Release | None, newer: Sequence[ReleaseName]) -> Overlay:
    """Return the overlay with all requests for `target`, or for nothing, and with the newer releases rejected."""
    if target is None:
        rejected = tuple(sorted({*before.rejected, *newer}))
        return msgspec.structs.replace(before, releases=(), route={}, rejected=rejected)
    back = before.with_release(target)
    return msgspec.structs.replace(
        back,
        releases=tuple(release for release in back.releases if release.age <= target.age),
        route={target.name: 100},
        rejected=tuple(sorted({*back.rejected, *newer})),
    )


def _check_first(overlay: Overlay) -> None:
    """Raise `SlipwayError` while the hold of an earlier rollback stands."""
    hold, serving = overlay.hold, overlay.serving()
    if hold is None or not hold.rolled_back or serving is None:
        return
    where = f"{overlay.model} in {overlay.environment}"
    fix = f"to go back once more: --from {serving.name}, or --to RELEASE"
    raise SlipwayError(f"{where} is back at {serving.name} already: {held(hold)}", fix=fix)


def _is_left(overlay: Overlay, left: str) -> bool:
    """Return True if the release `left` is rolled back from.

    Raise `SlipwayError` when it is not the newest release that runs either.
    """
    known = {*overlay.rejected, *(release.name for release in overlay.releases)}
    name = pick(known, left, f"{overlay.environment}/{overlay.model}")
    if name in overlay.rejected and name not in overlay.route:
        return True
    serving = _serving(overlay)
    if name != serving.name:
        fix = f"slipway status {overlay.model} --env {overlay.environment}"
        raise SlipwayError(f"{name} is not what runs: {release_folder.shown(overlay.route)}", fix=fix)
    return False


def _serving(overlay: Overlay) -> Release:
    """Return the newest release on the route. Raise `SlipwayError` while nothing runs."""
    if (serving := overlay.serving()) is not None:
        return serving
    fix = f"slipway status {overlay.model} --env {overlay.environment}"
    raise SlipwayError(f"no release of {overlay.model} runs in {overlay.environment}", fix=fix)


def _next(settings: Settings, overlay: Overlay) -> str:
    """Return the next step after a lifted hold."""
    if settings.environment(overlay.environment).promotes_from:
        return f"next: slipway promote {overlay.model} --to {overlay.environment}"
    try:
        due = decide(settings, store_of(settings, overlay.environment), overlay)
    except SlipwayError as error:
        return f"the due version is unknown: {error}"
    if due.record is None:
        return f"nothing is due: {due.reason}"
    return f"due now: {due.reason}: slipway release {overlay.model} --env {overlay.environment}"


def _target(
    snapshot: Snapshot, overlay: Overlay, serving: Release, to: str | None
) -> tuple[Sequence[Release], Release | None, str]:
    """Return all known releases, the one to roll back to (None for nothing), and a note about it."""
    known = history.releases(snapshot, overlay)
    if to == NOTHING:
        return known, None, _NOTHING_ANSWERS
    try:
        return known, *((_named(known, serving, overlay, to), "") if to else _older(snapshot, known, serving, overlay))
    except SlipwayError as error:
        if not history.is_shallow(snapshot.repository):
            raise
        fix = "git fetch --unshallow, then run it again: this clone lacks older commits and the releases in them"
        raise SlipwayError(error.problem, fix=fix) from error


def _named(known: Sequence[Release], serving: Release, overlay: Overlay, to: str) -> Release:
    name = pick([release.name for release in known], to, f"{overlay.environment}/{overlay.model}")
    target = next(release for release in known if release.name == name)
    at = f"{overlay.model} --env {overlay.environment}"
    if target.age > serving.age:
        fix = f"slipway traffic {at} …, or slipway lift and release --version"
        raise SlipwayError(f"{name} is newer than {serving.name}, which runs", fix=fix)
    if target == overlay.releases[0] and overlay.route == {name: 100}:
        problem = f"{name} is all that runs, and no declared release is newer"
        raise SlipwayError(problem, fix=f"to keep it: slipway hold {at} --reason '…'")
    return target


def _older(snapshot: Snapshot, known: Sequence[Release], serving: Release, overlay: Overlay) -> tuple[Release, str]:
    """Return the older release to choose, and a note about it."""
    store = snapshot.store(overlay.environment)
    rejections = Rejections(overlay, store, known)
    older = [
        release
        for release in known
        if release.age < serving.age
        and release.name not in overlay.rejected
        and not is_altered(release)
        and not rejections.bars_release(release)
    ]
    promoted = next((release for release in older if release.record.origin is not None), None)
    why = f"no older release was verified in {overlay.environment}"
    try:
        for release in older:
            if store.verified(overlay.model, release.name) is not None:
                return release, ""
    except SlipwayError as error:
        if promoted is None:
            raise
        why = error.problem
    if promoted is not None and promoted.record.origin is not None:
        # The source environment verified the same image.
        return promoted, f"{promoted.name} was verified in {promoted.record.origin.environment} only: {why}"
    names = ", ".join(str(release.name) for release in older)
    problem = f"{overlay.model} in {overlay.environment} has no verified release that is older than {serving.name}"
    fix = f"name an unverified one: --to RELEASE ({names})" if names else "there is no older release at all"
    fix += f"; --to {NOTHING} takes the model off, and nothing answers then"
    raise SlipwayError(problem, fix=fix)
