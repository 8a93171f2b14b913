"""`slipway promote`: a verified release of one environment moves to the next, image and all."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from slipway.errors import SlipwayError
from slipway.git import Head, Repository
from slipway.names import ReleaseName, nearest
from slipway.release import declare, edits, proposal
from slipway.release.copying import copy
from slipway.release.due import held
from slipway.release.edits import Edited
from slipway.release.images import is_unbuilt
from slipway.release.overlay_types import Origin, Overlay, Release, pick
from slipway.store import store_of

if TYPE_CHECKING:
    from slipway.settings import Settings

__all__ = ["Wish", "candidate", "promote", "source_of", "target_of"]


class Wish(NamedTuple):
    """What a person may ask of a promotion."""

    release: str | None = None
    """Of the source environment; the newest verified one on its route unless given."""
    traffic: int = 100
    allow_unbuilt: bool = False
    again: bool = False
    """Also what the environment rejected."""


_USUAL = Wish()


def target_of(settings: "Settings", name: str | None) -> str:
    """The environment to promote to: the one that was named, or the only one that takes promotions."""
    if name is not None:
        source_of(settings, name)
        return name
    found = [name for name, environment in settings.environments.items() if environment.promotes_from]
    if len(found) != 1:
        raise SlipwayError(
            f"{len(found)} environments take promotions",
            fix=f"name one with --to; {nearest('', settings.environments)}",
        )
    return found[0]


def source_of(settings: "Settings", environment: str) -> str:
    """The environment that another takes its releases from; raises `SlipwayError` when it takes them directly."""
    source = settings.environment(environment).promotes_from
    if source is None:
        raise SlipwayError(
            f"{environment} takes releases, not promotions",
            fix=f"slipway release --env {environment}; or promotes_from in slipway.yaml",
        )
    return source


def promote(
    settings: "Settings", model: str, wish: Wish = _USUAL, *, to: str | None = None, branch: str | None = None
) -> Edited:
    """Promote a release in one commit, on the current branch or on `branch` alone.

    On the current branch its artifact is then copied into the target's store; on another, `copy` does that when the
    branch was merged. Raises `SlipwayError` when a hold stands, or nothing verified is there to promote.
    """
    settings.model(model)
    environment = target_of(settings, to)
    repository = Repository(settings.root)
    if branch is not None:
        proposal.check(repository, branch)
    done = edits.retrying(lambda: _attempt(repository, settings, model, environment, wish, branch))
    if branch is None:
        done.lines.extend(_copied(settings, model, environment, done))
    return done


def _copied(settings: "Settings", model: str, environment: str, done: Edited) -> list[str]:
    try:
        return copy(settings, [model], environment)
    except SlipwayError as error:
        was = f"committed {done.commit[:12]}" if done.commit else "promoted before"
        raise SlipwayError(
            f"{was}, but the artifact is not in the store of {environment}: {error.problem}",
            fix=f"{error.fix}; then slipway copy {model} --env {environment}",
        ) from error


def _attempt(
    repository: Repository, settings: "Settings", model: str, environment: str, wish: Wish, branch: str | None
) -> Edited:
    head = repository.ready()
    target = edits.read(repository, head.commit, settings, environment, model)
    if target.hold is not None:
        raise SlipwayError(
            f"{model} in {environment} is {held(target.hold)}", fix=f"slipway lift {model} --env {environment}"
        )
    found = candidate(repository, head, settings, target, wish)
    release = _release(repository, head, settings, target, found)
    notes = _notes(repository, head, settings, target, found)
    served = release.name in target.route and wish.traffic == 100
    after = target if served else declare.with_share(_forgiven(target, release), release, wish.traffic)
    if after == target:
        already = f"{environment} serves {found.name} already, as {release.name}: {declare.shown(target.route)}"
        return Edited([already, *notes])
    store = store_of(settings, environment)
    retention = settings.model(model).within(environment).retention
    kept, note = declare.retain(after, retention, lambda name: store.verified(model, name) is not None)
    changes, message = edits.changes(repository, head.commit, kept), _message(kept, release)
    if branch is None:
        commit: str | None = repository.commit(changes, message, branch=head.branch, parent=head.commit)
    else:
        commit = proposal.commit(repository, head, changes, message, kept, branch)
    where = f"branch {branch}" if branch else head.branch
    lines = [f"{environment}: {model} {release.name} from {_from(release)}, {declare.shown(kept.route)} ({where})"]
    return Edited([*lines, *notes, *([note] if note else [])], commit)


def _notes(repository: Repository, head: Head, settings: "Settings", target: Overlay, found: Release) -> list[str]:
    """What may surprise about the choice."""
    source = source_of(settings, target.environment)
    newest = edits.read(repository, head.commit, settings, source, target.model).serving()
    serving = target.serving()
    notes = []
    if newest is not None and newest.age > found.age:
        notes.append(f"{source} also serves {newest.name}, which is newer, and not verified or rejected")
    if serving is not None and serving.record.origin is not None:
        before = ReleaseName.parse(serving.record.origin.release)
        if before.version > found.version:
            notes.append(f"{target.environment} served {before} of {source} until now, which is newer")
    return notes


def candidate(
    repository: Repository, head: Head, settings: "Settings", target: Overlay, wish: Wish = _USUAL
) -> Release:
    """The release of the source environment to promote; raises `SlipwayError` that says why there is none."""
    source = source_of(settings, target.environment)
    overlay = edits.read(repository, head.commit, settings, source, target.model)
    store = store_of(settings, source)
    rejected = {name.short for name in target.rejected} - {name.short for name in target.route}
    if wish.release is not None:
        chosen = overlay.release(pick([release.name for release in overlay.releases], wish.release, overlay.model))
        if store.verified(target.model, chosen.name) is None:
            raise _unverified(overlay, [chosen])
        if chosen.name.short in rejected and not wish.again:
            raise SlipwayError(
                f"{target.environment} has rejected {chosen.name.short}, which is {chosen.name} of {source}",
                fix="--again promotes it all the same",
            )
        return _pullable(chosen, wish)
    routed = [release for release in overlay.releases if release.name in overlay.route]
    if not routed:
        fix = f"slipway release {target.model} --env {source}"
        raise SlipwayError(f"no release of {target.model} is on the route of {source}", fix=fix)
    verified = [release for release in routed if store.verified(target.model, release.name) is not None]
    if not verified:
        raise _unverified(overlay, routed)
    chosen_by_itself = [release for release in verified if wish.again or release.name.short not in rejected]
    if not chosen_by_itself:
        names = ", ".join(str(release.name) for release in verified)
        raise SlipwayError(
            f"{target.environment} has rejected what {source} serves: {names}", fix="--again promotes it all the same"
        )
    return _pullable(chosen_by_itself[0], wish)


def _unverified(overlay: Overlay, releases: Sequence[Release]) -> SlipwayError:
    names = ", ".join(str(release.name) for release in releases)
    return SlipwayError(
        f"{names} of {overlay.model} is not verified in {overlay.environment}",
        fix=f"slipway verify {releases[0].name} holds the running function to its golden predictions (see its --help)",
    )


def _pullable(release: Release, wish: Wish) -> Release:
    if is_unbuilt(release.record.image) and not wish.allow_unbuilt:
        raise SlipwayError(
            f"nobody has built the image of {release.name}: {release.record.image}",
            fix="release it where images are built, or try all the same with --allow-unbuilt",
        )
    return release


def _release(repository: Repository, head: Head, settings: "Settings", target: Overlay, found: Release) -> Release:
    """The declared release of the same image, or the next version's."""
    fingerprint = found.record.fingerprint
    for release in target.releases:
        if release.record.fingerprint == fingerprint and release.record.artifact == found.record.artifact:
            return release
    store = store_of(settings, target.environment)
    taken = [*store.versions(target.model), *(name.version for name in target.rejected)]
    version = max([*taken, *(release.version for release in target.releases)], default=0) + 1
    record = msgspec.structs.replace(
        found.record,
        release=str(ReleaseName.of(version, fingerprint)),
        version=version,
        model_id=f"{target.model}/{target.environment}/{version}",
        created=edits.now(),
        by=repository.identity(),
        origin=Origin(environment=source_of(settings, target.environment), release=str(found.name)),
    )
    return declare.make(repository, head.commit, settings, record)


def _forgiven(target: Overlay, release: Release) -> Overlay:
    """The overlay without rejections of the image that a person now promotes again."""
    left = tuple(name for name in target.rejected if name.short != release.name.short)
    return msgspec.structs.replace(target, rejected=left)


def _message(after: Overlay, release: Release) -> str:
    return declare.announced(
        f"{after.environment}/{after.model}: promote {release.name} from {_from(release)}",
        {
            "Version": release.record.model_id,
            "Metrics": declare.shown_metrics(release.record.metrics),
            "Route": declare.shown(after.route),
            "Image": release.record.image,
            "From commit": release.record.commit,
            "Undo": f"slipway rollback {after.model} --env {after.environment} --reason '…'",
        },
    )


def _from(release: Release) -> str:
    origin = release.record.origin
    return f"{origin.environment}/{origin.release}" if origin else "nowhere"
