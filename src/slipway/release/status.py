"""`slipway status`: the route, the newest version and the next step of each model and environment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.gitops import release_folder, training_folder
from slipway.gitops.snapshot import Snapshot
from slipway.overlays import overlay as overlays
from slipway.overlays.types import Overlay
from slipway.release import candidates, trainings
from slipway.release.due import decide, held
from slipway.settings import Settings
from slipway.store import Store
from slipway.text import counted


class Row(NamedTuple):
    """The status of one model in one environment, as text."""

    environment: str
    model: str
    route: str
    newest: str
    """The newest published version; `-` if none is known."""
    verified: str
    """`yes` or `no`, once for all releases on the route, or for each one."""
    next: str
    """The due release, or the reason why none is due."""


def status(
    settings: Settings, models: Sequence[str] = (), environment: str | None = None, snapshot: Snapshot | None = None
) -> list[Row]:
    """Return a row for every model that exists or is deployed. Show the error of a store or a model in its row.

    `settings` are those of a folder with the code, which decides what is due; `snapshot` has the overlays, by default
    those of the commit that is checked out there.
    """
    if environment is not None:
        settings.environment(environment)
    snapshot = snapshot or checked_out(settings)
    rows = []
    for place in [environment] if environment else list(settings.environments):
        deployed = snapshot.models(place) if models else snapshot.load(place)
        known = {*settings.models(), *deployed}
        for model in models:
            if model not in known:
                settings.model(model)
        rows += [_row(settings, snapshot, place, model) for model in sorted(known & {*(models or known)})]
    for place, left in snapshot.abandoned().items() if environment is None else ():
        text = f"runs on, and slipway.yaml has no environment {place}: slipway doctor"
        rows += [Row(place, model, "abandoned", "-", "-", text) for model in sorted(left & {*(models or left)})]
    return rows


def place(snapshot: Snapshot) -> list[str]:
    """Return how far the clone is from the branch that the cluster follows, as it was fetched last; [] if it is there.

    What runs is what that branch says, and not the clone.
    """
    repository, name, here = snapshot.repository, f"origin/{snapshot.settings.branch}", snapshot.commit
    followed = repository.commit_at(f"refs/remotes/{name}")
    if followed is None or followed == here:
        return []
    told = repository.run("rev-list", "--left-right", "--count", f"{followed}...{here}").decode().split()
    behind, ahead = map(int, told)
    way = "git pull; slipway status --remote reads the remote itself"
    return [
        *([f"this clone is {counted(behind, 'commit')} behind {name}, as fetched last: {way}"] if behind else []),
        *([f"{counted(ahead, 'commit')} of this clone {'is' if ahead == 1 else 'are'} not on {name}"] if ahead else []),
    ]


def checked_out(settings: Settings) -> Snapshot:
    """Return the commit that is checked out, with these settings."""
    repository = Repository(settings.root)
    return Snapshot(repository, repository.latest(), settings)


def _row(settings: Settings, snapshot: Snapshot, environment: str, model: str) -> Row:
    found = Row(environment, model, "damaged", "-", "-", "")
    try:
        overlay = snapshot.overlay(environment, model)
        found = found._replace(route=release_folder.shown(overlay.route))
        if changed := overlays.altered(overlay):
            return found._replace(next=overlays.told_altered(environment, model, changed[0])[0])
        store = snapshot.store(environment)
        newest = max(store.versions(model), default=None)
        verified = _verified(store, overlay)
        found = found._replace(newest=f"v{newest}" if newest else "-", verified=verified)
        following = held(overlay.hold) if overlay.hold else _next(settings, snapshot, store, overlay)
        return found._replace(next="; ".join([*_rejected_elsewhere(snapshot, overlay), following]))
    except SlipwayError as error:
        return found._replace(next=error.problem)


def _verified(store: Store, overlay: Overlay) -> str:
    found = {name: store.verified(overlay.model, name) is not None for name in sorted(overlay.route, reverse=True)}
    if not found:
        return "-"
    if len(set(found.values())) == 1:
        return "yes" if all(found.values()) else "no"
    return ", ".join(f"{name} {'yes' if yes else 'no'}" for name, yes in found.items())


def _rejected_elsewhere(snapshot: Snapshot, overlay: Overlay) -> Iterator[str]:
    """Find releases on the route whose image or artifact another environment has rejected."""
    for other in [name for name in snapshot.settings.environments if overlay.route and name != overlay.environment]:
        try:
            there = snapshot.overlay(other, overlay.model)
            rejections = candidates.rejections_of(snapshot, there) if there.rejected else None
        except SlipwayError as error:
            yield f"what {other} has rejected is unknown: {error.problem}"
            continue
        for name in sorted(overlay.route, reverse=True) if rejections else ():
            if rejections and (rejected := rejections.bars_release(overlay.release(name))):
                way = f"slipway rollback {overlay.model} --env {overlay.environment} --reason '…'"
                yield f"{other} has rejected what {name} is (there {rejected}): {way}"


def _next(settings: Settings, snapshot: Snapshot, store: Store, overlay: Overlay) -> str:
    source = settings.environment(overlay.environment).promotes_from
    if source is None:
        due = decide(settings, store, overlay)
        if due.record:
            return f"due: {due.reason}"
        declared = training_folder.read(snapshot, overlay.environment, overlay.model)
        return trainings.awaited(settings, store, overlay, declared) or due.reason
    found = candidates.candidate(snapshot, overlay, candidates.Wish(allow_unbuilt=True))
    if any(release.record.fingerprint == found.record.fingerprint for release in overlay.releases):
        return f"{source} serves the same"
    return f"{found.name} of {source} can be promoted"
