"""`slipway rollback`: return to an older release, reject the newer ones and hold the model, in one commit."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from slipway.errors import SlipwayError
from slipway.gitops import edits, history, release_folder
from slipway.gitops.branches import Place
from slipway.gitops.edits import Edited
from slipway.gitops.snapshot import Snapshot
from slipway.overlays.types import Hold, Overlay, Release, pick
from slipway.release.holds import check_reason
from slipway.release.rejections import Rejections
from slipway.settings import Settings

__all__ = ["rollback"]


def rollback(
    settings: Settings,
    model: str,
    environment: str,
    *,
    reason: str,
    to: str | None = None,
    place: Place | None = None,
) -> Edited:
    """Route all requests to an older release, reject every newer one, and hold the model, in one commit.

    Without `to`, choose the newest older release that is verified in this environment and not rejected. It may be
    declared or in the history of git. If there is none, choose a promoted release, which its source environment
    verified. With `to`, do not read the store, so that a rollback works without it.
    """
    check_reason(reason)

    def change(snapshot: Snapshot, before: Overlay) -> tuple[Overlay, str, list[str]]:
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
    """Return the older release to choose, and a note about it."""
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
        # The source environment verified the same image.
        return promoted, f"{promoted.name} was verified in {promoted.record.origin.environment} alone: {why}"
    names = ", ".join(str(release.name) for release in older)
    raise SlipwayError(
        f"{overlay.model} in {overlay.environment} has no older release than {serving.name} that was verified",
        fix=f"name one that was not: --to RELEASE ({names})" if names else "there is no older one at all",
    )
