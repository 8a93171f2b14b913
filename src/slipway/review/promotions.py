"""Whether a new release in an environment that takes promotions is what it claims to be, where it says it is from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from slipway.errors import SlipwayError
from slipway.gitops import history
from slipway.images.build import UNBUILT, is_unbuilt
from slipway.names import ReleaseName
from slipway.overlays.overlay import RECORD
from slipway.overlays.types import ReleaseRecord
from slipway.release import compatibility
from slipway.release.candidates import rejections_of
from slipway.release.due import held
from slipway.review.claims import Violation
from slipway.store import Origin, store_of

if TYPE_CHECKING:
    from slipway.gitops.snapshot import Snapshot
    from slipway.overlays.types import Overlay, Release
    from slipway.review.decisions import Move
    from slipway.settings import Settings
    from slipway.store import Record, Store

__all__ = ["reachable", "told", "violations"]

# What a promotion gives of its own to the record; all the rest is the source's.
_OWN = frozenset({"release", "version", "model_id", "created", "by", "run", "accepted", "origin"})


def reachable(settings: Settings, environment: str, model: str) -> Store:
    """The environment's store, asked for the model's versions once; a directory that is not there is an empty one.

    Raises `SlipwayError` that says which credentials are missing when it does not answer.
    """
    url = settings.environment(environment).store
    store = store_of(settings, environment)
    try:
        store.versions(model)
    except SlipwayError as error:
        problem = f"the store of {environment}, {url}, does not answer: {error.problem}"
        fix = f"{error.fix}; the check reads it by the credentials of its job (on GitHub Actions those that it gets for"
        fix += " the variables GCP_WORKLOAD_IDENTITY_PROVIDER and GCP_SERVICE_ACCOUNT), with roles/storage.objectViewer"
        raise SlipwayError(problem, fix=fix) from error
    return store


def _there(settings: Settings, environment: str, model: str) -> Store:
    """As `reachable`, of a store that has to have something; raises `SlipwayError` for a directory elsewhere."""
    url = settings.environment(environment).store
    if "://" not in url and not (settings.root / Path(url).expanduser()).is_dir():
        problem = f"the store of {environment} is the directory {url}, which is not on this machine"
        raise SlipwayError(problem, fix="check where it is; or keep the store in a bucket, which every run can read")
    return reachable(settings, environment, model)


def told(ground: Snapshot, before: Overlay, after: Overlay) -> str:
    """What an approver has to know of where a new release comes from, to be put behind a line; "" if nothing."""
    source = ground.settings.environment(after.environment).promotes_from
    if source is None or all(before.has(release.name) for release in after.releases):
        return ""
    hold = ground.overlay(source, after.model).hold
    return f"; in {source} it is {held(hold)}" if hold else ""


def violations(ground: Snapshot, move: Move, new: Sequence[Release]) -> Iterator[Violation]:
    """What does not hold of the releases that a change adds; `new` are those, the oldest first.

    Raises `SlipwayError` when a store cannot be asked.
    """
    if not new:
        return
    environment = move.after.environment
    source = ground.settings.environment(environment).promotes_from
    if source is None:
        store = _there(ground.settings, environment, move.after.model)
        for release in new:
            yield from _published(move, store, release)
        return
    store = reachable(ground.settings, environment, move.after.model)
    for release in new:
        yield from _promoted(ground, move, source, release)
    yield from _numbers(move, store, new)


def _published(move: Move, store: Store, release: Release) -> Iterator[Violation]:
    """Of a release that comes from no other environment: it is a version of this one's store."""
    where = move.at(f"{release.name}/{RECORD}")
    if release.record.origin is not None:
        yield Violation(where, f"is promoted, and {store.environment} takes no promotions", move.verb("release"))
    elif release.version not in store.versions(move.after.model):
        yield Violation(where, f"{release.record.model_id} was never published", move.verb("release"))
    elif store.record(move.after.model, release.version).artifact.digest != release.record.artifact:
        problem = f"names another artifact than {release.record.model_id} has in the store"
        yield Violation(where, problem, move.verb("release"))


def _promoted(ground: Snapshot, move: Move, source: str, release: Release) -> Iterator[Violation]:
    where = move.at(f"{release.name}/{RECORD}")
    origin = release.record.origin
    if origin is None or origin.environment != source:
        problem = f"does not come from {source}, the only way into {move.after.environment}"
        yield Violation(where, problem, move.verb("promote"))
        return
    overlay = ground.overlay(source, move.after.model)
    if origin.release in map(str, overlay.rejected):
        problem = f"{origin.release} was rejected in {source} since"
        yield Violation(where, problem, f"{move.verb('promote')}, of what {source} serves")
        return
    found = _declared(ground, overlay, origin.release)
    if found and (rejected := rejections_of(ground, overlay).bars_release(found)):
        problem = f"{origin.release} is the artifact of {rejected}, which was rejected in {source} since"
        yield Violation(where, problem, f"{move.verb('promote')}, of what {source} serves")
        return
    if found is None:
        problem = f"{origin.release} was never declared in {source}"
        if history.is_shallow(ground.repository):
            problem += ", as far as this shallow clone goes"
        yield Violation(where, problem, f"git fetch --unshallow, if this clone is shallow; else {move.verb('promote')}")
        return
    store = _there(ground.settings, source, move.after.model)
    yield from _same(where, move, found, release)
    yield from _verified(where, store, move, found)
    yield from _image(ground.settings, where, source, move, release)
    if found.version in store.versions(move.after.model):
        yield from _callers(ground.settings, where, source, move, found, release)


def _declared(ground: Snapshot, overlay: Overlay, name: str) -> Release | None:
    """The release of that name, declared now or once."""
    for release in overlay.releases:
        if str(release.name) == name:
            return release
    known = history.releases(ground, overlay)
    return next((release for release in known if str(release.name) == name), None)


def _same(where: str, move: Move, found: Release, release: Release) -> Iterator[Violation]:
    for field in msgspec.structs.fields(ReleaseRecord):
        claimed, real = getattr(release.record, field.name), getattr(found.record, field.name)
        if field.name not in _OWN and claimed != real:
            problem = f"its {field.name} is not that of {found.name}, which it names as its origin"
            yield Violation(where, problem, move.verb("promote"))


def _verified(where: str, store: Store, move: Move, found: Release) -> Iterator[Violation]:
    model = move.after.model
    if store.verified(model, found.name) is None:
        problem = f"{found.name} is not verified in {store.environment}"
        yield Violation(where, problem, f"slipway verify {store.environment}/{model}/{found.name} (see its --help)")
    if found.version not in store.versions(model):
        problem = f"{found.record.model_id}, which it is a copy of, is not in the store of {store.environment}"
        yield Violation(where, problem, "bring the lost store back, or promote another release")
    elif store.record(model, found.version).artifact.digest != found.record.artifact:
        problem = f"{found.record.model_id} has another artifact in the store of {store.environment}"
        yield Violation(where, problem, "promote another release, and look at who changed the store")


def _image(settings: Settings, where: str, source: str, move: Move, release: Release) -> Iterator[Violation]:
    """What may be named where no image is built is not enough where some are."""
    if is_unbuilt(release.record.image) and settings.environment(move.after.environment).registry != UNBUILT:
        problem = f"nobody has built its image, {release.record.image}"
        yield Violation(where, problem, f"slipway release {move.after.model} --env {source} where images are built")


def _callers(
    settings: Settings, where: str, source: str, move: Move, found: Release, release: Release
) -> Iterator[Violation]:
    """What would break calls that are answered now, and was not accepted in writing."""
    if release.record.accepted.strip():
        return
    for change in compatibility.broken(settings, move.before, source, found, release):
        fix = f"{move.verb('promote')} --accept-breaking 'why', when those who call it know"
        yield Violation(where, f"breaks calls that are answered now: {change.text}", fix)


def _numbers(move: Move, store: Store, new: Sequence[Release]) -> Iterator[Violation]:
    """Each takes the next number that is free, or the one that the copy of its artifact in the store has already."""
    versions = store.versions(move.after.model)
    names = [*move.before.rejected, *(release.name for release in move.before.releases)]
    following = max([*versions, *(name.version for name in names)], default=0) + 1
    declared = {name.version for name in names}
    for release in new:
        copied = release.version in versions and release.version not in declared
        if copied and _is_copy(store.record(move.after.model, release.version), release):
            continue
        if release.version != following:
            taken = "is taken" if release.version < following else "is not the next"
            problem = f"the number {release.version} {taken} in {store.environment}: the next is {following}"
            yield Violation(move.at(f"{release.name}/{RECORD}"), problem, f"{move.verb('promote')}, again")
        following += 1


def _is_copy(record: Record, release: Release) -> bool:
    origin = release.record.origin
    try:
        expected = Origin(origin.environment, ReleaseName.parse(origin.release).version) if origin else None
    except SlipwayError:
        return False
    return record.origin == expected and record.artifact.digest == release.record.artifact
