"""Retention: drop the releases that are no longer needed, in a commit of their own.

Argo CD removes resources only when all others are healthy, and syncs no newer commit until then. A rollback must never
wait for that. So releases are dropped only after the newest one is verified, and in a commit that changes no route.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec

from slipway.errors import SlipwayError
from slipway.gitops import edits, release_folder
from slipway.gitops.branches import Change, Place
from slipway.gitops.edits import Edited
from slipway.gitops.snapshot import Snapshot
from slipway.names import ReleaseName
from slipway.overlays.overlay import RECORD, is_own
from slipway.overlays.types import Overlay
from slipway.settings import ModelSettings, Settings


def retain(overlay: Overlay, most: int, verified: Callable[[ReleaseName], bool]) -> tuple[Overlay, str]:
    """Return the overlay without the releases beyond `most`, and the reason if more than `most` stay.

    Those that no rollback would take, never verified or rejected, go first, then the oldest. Keep the newest release
    and all releases on the route. Drop none while a hold stands, or before the newest release and the newest on the
    route are verified.
    """
    beyond = len(overlay.releases) - most
    if beyond <= 0:
        return overlay, ""
    if reason := _waits(overlay, verified):
        return overlay, f"{len(overlay.releases)} releases stay, retention is {most}: {reason}"
    newest = overlay.releases[0].name
    spare = [each for each in reversed(overlay.releases) if each.name not in overlay.route and each.name != newest]
    spare.sort(key=lambda each: verified(each.name) and each.name not in overlay.rejected)
    gone = spare[:beyond]
    kept = tuple(each for each in overlay.releases if each not in gone)
    after = msgspec.structs.replace(overlay, releases=kept)
    if len(gone) == beyond:
        return after, ""
    return after, f"{len(kept)} releases stay, retention is {most}: they answer requests or are the newest"


def _waits(overlay: Overlay, verified: Callable[[ReleaseName], bool]) -> str:
    if overlay.hold is not None:
        return "it is held"
    serving = overlay.serving()
    latest = {overlay.releases[0].name, *([serving.name] if serving else [])}
    waiting = [str(name) for name in sorted(latest) if not verified(name)]
    return f"{' and '.join(waiting)} {'is' if len(waiting) == 1 else 'are'} not verified yet" if waiting else ""


def drop(environment: str, models: Sequence[str], place: Place) -> Edited:
    """Drop the releases of `models` beyond their retention in an environment, in one commit at `place`.

    Change nothing else; `slipway rollback --to` brings a dropped release back. Continue with the other models when one
    fails, as when its store cannot be read. Raise `SlipwayError` when nothing can be committed.
    """
    return edits.retrying(lambda: _attempt(environment, models, place), place.pause)


def _attempt(environment: str, models: Sequence[str], place: Place) -> Edited:
    stand = place.stand()
    # The retention of the branch that the cluster follows counts, even for releases from the code of another branch.
    snapshot = Snapshot(place.repository, stand.commit)
    lines, moves = [], []
    for model in _with_many(snapshot, environment, models):
        try:
            before = snapshot.overlay(environment, model)
            after, note = _retained(snapshot, before)
        except SlipwayError as error:
            lines.append(f"{environment}: {model}: nothing is dropped: {error.problem}")
            continue
        lines.extend([f"{environment}: {model}: {note}"] if note else [])
        moves.extend([(before, after)] if after != before else [])
    if not moves:
        return Edited(lines)
    files = {path: content for _, after in moves for path, content in snapshot.changes(after).items()}
    message = _message(environment, moves)
    commit = place.commit(stand, Change(files, message, [after for _, after in moves]))
    return Edited([*lines, message.splitlines()[0]], commit)


def _with_many(snapshot: Snapshot, environment: str, models: Sequence[str]) -> Iterator[str]:
    """Yield the models with more releases than their retention, without reading the others."""
    declared: Counter[str] = Counter()
    for path in snapshot.repository.blobs(snapshot.commit, f"overlays/{environment}/"):
        _, _, model, own = [*path.split("/", 3), ""][:4]
        declared[model] += is_own(own) and own.endswith(f"/{RECORD}")
    for model in models:
        if declared[model] > _most(snapshot.settings, environment, model):
            yield model


def _most(settings: Settings, environment: str, model: str) -> int:
    return settings.declared.get(model, ModelSettings()).within(environment).retention


def _retained(snapshot: Snapshot, overlay: Overlay) -> tuple[Overlay, str]:
    store = snapshot.store(overlay.environment)
    most = _most(snapshot.settings, overlay.environment, overlay.model)
    return retain(overlay, most, lambda name: store.verified(overlay.model, name) is not None)


def _message(environment: str, moves: Sequence[tuple[Overlay, Overlay]]) -> str:
    names = [
        ", ".join(str(each.name) for each in before.releases if not after.has(each.name)) for before, after in moves
    ]
    subject = f"{environment}/{moves[0][1].model}: drop {names[0]}"
    if len(moves) > 1:
        told = (f"{dropped} of {after.model}" for dropped, (_, after) in zip(names, moves, strict=True))
        subject = f"{environment}: drop {'; '.join(told)}"
    facts = {f"{after.model} keeps": ", ".join(str(each.name) for each in after.releases) for _, after in moves}
    why = "retention in slipway.yaml; slipway rollback MODEL --to RELEASE brings one back"
    return release_folder.announced(subject, facts | {"Why": why})
