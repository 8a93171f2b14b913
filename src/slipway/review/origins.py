"""Origins of the releases that a change adds: the store that has the artifact, or the release that was promoted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from slipway.errors import SlipwayError
from slipway.gitops import history
from slipway.gitops.snapshot import Snapshot
from slipway.images.build import UNBUILT, is_unbuilt
from slipway.overlays.overlay import is_altered, told_altered
from slipway.overlays.types import Overlay, Release, ReleaseRecord
from slipway.release import compatibility
from slipway.release.candidates import rejections_of
from slipway.release.due import held
from slipway.review.changes import Violation, unlike
from slipway.review.rules import Move
from slipway.settings import Settings
from slipway.store import Record, Store, store_of

# A promotion writes these into the record itself; all others come from its source.
_OWN = ("release", "version", "model_id", "created", "by", "run", "manifests", "accepted", "origin")
_COPIED = tuple(name for name in ReleaseRecord.__struct_fields__ if name not in _OWN)


def reachable(settings: Settings, environment: str, model: str, *, holds: bool = False) -> Store:
    """Return the environment's store after a first question; a directory that is missing is an empty store.

    Raise `SlipwayError` that names the missing credentials when the store does not answer. Where it `holds` something
    for certain, raise it for a missing directory too: that is the directory of another machine.
    """
    url, store = settings.environment(environment).store, store_of(settings, environment)
    if holds and "://" not in url and not (settings.root / Path(url).expanduser()).is_dir():
        problem = f"the store of {environment} is the directory {url}, which is not on this machine"
        raise SlipwayError(problem, fix="check where it is; or keep the store in a bucket, which every run can read")
    try:
        store.versions(model)
    except SlipwayError as error:
        problem = f"the store of {environment}, {url}, does not answer: {error.problem}"
        fix = f"{error.fix}; the check reads it by the credentials of its job (on GitHub Actions those that it gets for"
        fix += " the variables GCP_WORKLOAD_IDENTITY_PROVIDER and GCP_SERVICE_ACCOUNT), with roles/storage.objectViewer"
        raise SlipwayError(problem, fix=fix) from error
    return store


def warning(base: Snapshot, before: Overlay, after: Overlay) -> str:
    """Return a warning to the approver where the source of a new release is held; else an empty text."""
    source = base.settings.environment(after.environment).promotes_from
    if source is None or all(before.has(release.name) for release in after.releases):
        return ""
    hold = base.overlay(source, after.model).hold
    return f"; in {source} it is {held(hold)}" if hold else ""


def violations(base: Snapshot, move: Move, new: Sequence[Release]) -> Iterator[Violation]:
    """Find what is wrong with the origin of new releases, the oldest first.

    Raise `SlipwayError` when a store does not answer.
    """
    if not new:
        return
    source = base.settings.environment(move.after.environment).promotes_from
    store = reachable(base.settings, move.after.environment, move.after.model, holds=source is None)
    for release in new:
        yield from _promoted(base, move, source, release) if source else _published(move, store, release)
    if source:
        yield from _numbers(move, store, new)


def _published(move: Move, store: Store, release: Release) -> Iterator[Violation]:
    """Check that a release that was not promoted is a version of its environment's store."""
    record, where, fix = release.record, move.record(release), move.verb("release")
    if record.origin is not None:
        yield Violation(where, f"is promoted, and {store.environment} takes no promotions", fix)
    elif release.version not in store.versions(move.after.model):
        yield Violation(where, f"{record.model_id} was never published", fix)
    elif store.record(move.after.model, release.version).artifact.digest != record.artifact:
        yield Violation(where, f"names another artifact than {record.model_id} has in the store", fix)


def _promoted(base: Snapshot, move: Move, source: str, release: Release) -> Iterator[Violation]:
    where, promote = move.record(release), move.verb("promote")
    origin = release.record.origin
    if origin is None or origin.environment != source:
        yield Violation(where, f"does not come from {source}, the only way into {move.after.environment}", promote)
        return
    overlay = base.overlay(source, move.after.model)
    found = next((each for each in history.releases(base, overlay) if str(each.name) == origin.release), None)
    if problem := _rejected(base, overlay, origin.release, found):
        yield Violation(where, f"{problem} in {source} since", f"{promote}, of what {source} serves")
        return
    if found is None:
        yield Violation(where, f"{origin.release} was never declared in {source}", promote)
        return
    store = reachable(base.settings, source, move.after.model, holds=True)
    for problem, fix in _of_origin(store, move, found, release):
        yield Violation(where, problem, fix)
    if is_unbuilt(release.record.image) and base.settings.environment(move.after.environment).registry != UNBUILT:
        problem = f"nobody has built its image, {release.record.image}"
        yield Violation(where, problem, f"slipway release {move.after.model} --env {source} where images are built")
    if found.version in store.versions(move.after.model) and not release.record.accepted.strip():
        for change in compatibility.broken(base.settings, move.before, source, found, release):
            fix = f"{promote} --accept-breaking 'why', when those who call it know"
            yield Violation(where, f"breaks calls that are answered now: {change.text}", fix)


def _rejected(base: Snapshot, overlay: Overlay, name: str, found: Release | None) -> str:
    if name in map(str, overlay.rejected):
        return f"{name} was rejected"
    if found is None:
        return ""
    rejected = rejections_of(base, overlay).bars_release(found)
    return f"{name} is the artifact of {rejected}, which was rejected" if rejected else ""


def _of_origin(store: Store, move: Move, found: Release, release: Release) -> Iterator[tuple[str, str]]:
    """Check that a release is as its origin, which is verified and has its artifact in the store."""
    for name in unlike(found.record, release.record, _COPIED):
        yield f"its {name} is not that of {found.name}, which it names as its origin", move.verb("promote")
    model, environment, model_id = move.after.model, store.environment, found.record.model_id
    if is_altered(found):
        yield told_altered(environment, model, found.name)
    if store.verified(model, found.name) is None:
        fix = f"slipway verify {environment}/{model}/{found.name} (see its --help)"
        yield f"{found.name} is not verified in {environment}", fix
    if found.version not in store.versions(model):
        problem = f"{model_id}, which it is a copy of, is not in the store of {environment}"
        yield problem, "bring the lost store back, or promote another release"
    elif store.record(model, found.version).artifact.digest != found.record.artifact:
        problem = f"{model_id} has another artifact in the store of {environment}"
        yield problem, "promote another release, and look at who changed the store"


def _numbers(move: Move, store: Store, new: Sequence[Release]) -> Iterator[Violation]:
    """Check that each release takes the next free number, or the one that its artifact's copy in the store has."""
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
            yield Violation(move.record(release), problem, f"{move.verb('promote')}, again")
        following += 1


def _is_copy(record: Record, release: Release) -> bool:
    origin, copied = release.record.origin, record.origin
    if origin is None or copied is None or origin.environment != copied.environment:
        return False
    return origin.release.startswith(f"v{copied.version}-") and record.artifact.digest == release.record.artifact
