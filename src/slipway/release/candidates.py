"""Candidates for a promotion: the release that a person named, or the one that is due."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from slipway.errors import SlipwayError
from slipway.git import GitError
from slipway.gitops import history
from slipway.gitops.snapshot import Snapshot
from slipway.images.build import is_unbuilt
from slipway.names import ReleaseName
from slipway.overlays.overlay import refuse_altered
from slipway.overlays.types import Overlay, Release, ReleaseRecord, pick
from slipway.release.due import Rejections, held, refuse_held
from slipway.settings import Settings
from slipway.store import Store


class Wish(NamedTuple):
    """The options of a promotion."""

    release: str | None = None
    """A release of the source environment. By default, the newest verified one on its route."""
    traffic: int = 100
    allow_unbuilt: bool = False
    again: bool = False
    """True to promote a release that the environment has rejected."""
    automatic: bool = False
    """True if no person asked for this promotion."""
    accept_breaking: str = ""
    """The reason why the promotion may break callers. If empty, it may not."""


_USUAL = Wish()


def source_of(settings: Settings, environment: str) -> str:
    """Return the source environment of promotions. Raise `SlipwayError` when the environment takes no promotions."""
    source = settings.environment(environment).promotes_from
    if source is None:
        fix = f"slipway release --env {environment}, or set promotes_from of {environment} in slipway.yaml"
        raise SlipwayError(f"{environment} takes releases, not promotions", fix=fix)
    return source


def candidate(snapshot: Snapshot, target: Overlay, wish: Wish = _USUAL) -> Release:
    """Return the release of the source environment to promote. Raise `SlipwayError` when there is none."""
    source = source_of(snapshot.settings, target.environment)
    overlay = snapshot.overlay(source, target.model)
    if wish.release is None or wish.automatic:
        refuse_held(overlay, "; or name a release: --release RELEASE")
    store = snapshot.store(source)
    barred = rejections_of(snapshot, target).bars_release if not wish.again else lambda _: None
    found = _newest(overlay, store, barred) if wish.release is None else _named(overlay, store, wish.release)
    refuse_altered(found, overlay)
    if name := barred(found):
        same = name.short if name.short == found.name.short else f"the artifact of {name}"
        problem = f"{target.environment} has rejected {same}, which is {found.name} of {source}"
        raise SlipwayError(problem, fix="to promote it nevertheless, add --again")
    if is_unbuilt(found.record.image) and not wish.allow_unbuilt:
        problem = f"the image of {found.name} was not built: {found.record.image}"
        raise SlipwayError(problem, fix="release it with a registry in slipway.yaml, or add --allow-unbuilt to try")
    return found


def rejections_of(snapshot: Snapshot, overlay: Overlay) -> Rejections:
    """Return the rejections of an overlay, with artifacts from the history of the commit and from the store."""
    past = history.releases(snapshot, overlay, overlay.rejected) if overlay.rejected else ()
    return Rejections(overlay, snapshot.store(overlay.environment), past)


def _named(overlay: Overlay, store: Store, text: str) -> Release:
    if text in {spelt for name in overlay.rejected for spelt in (str(name), f"v{name.version}")}:
        problem = f"{overlay.environment} has rejected {text} of {overlay.model}"
        raise SlipwayError(problem, fix=f"promote a release that {overlay.environment} has not rejected")
    found = overlay.release(pick([release.name for release in overlay.releases], text, overlay.model))
    if store.verified(overlay.model, found.name) is None:
        raise _unverified(overlay, [found])
    return found


def _newest(overlay: Overlay, store: Store, barred: Callable[[Release], ReleaseName | None]) -> Release:
    """Return the newest verified release on the route. Prefer releases that are not barred."""
    routed = [release for release in overlay.releases if release.name in overlay.route]
    if not routed:
        fix = f"slipway release {overlay.model} --env {overlay.environment}"
        raise SlipwayError(f"no release of {overlay.model} is on the route of {overlay.environment}", fix=fix)
    verified = [release for release in routed if store.verified(overlay.model, release.name) is not None]
    if not verified:
        raise _unverified(overlay, routed)
    return next((release for release in verified if not barred(release)), verified[0])


def due(snapshot: Snapshot, target: Overlay) -> tuple[Release | None, str]:
    """Return the release that is due for promotion and the reason, or None and the reason.

    `snapshot` is the head of the branch that the cluster follows. A release from unmerged code is never due: a person
    proposes it.
    """
    if target.hold is not None:
        return None, held(target.hold)
    try:
        found = candidate(snapshot, target)
    except GitError:
        raise  # what cannot be read may be due
    except SlipwayError as error:
        return None, error.problem
    source = source_of(snapshot.settings, target.environment)
    if any(release.record.fingerprint == found.record.fingerprint for release in target.releases):
        return None, f"{source} serves the same"
    if not is_merged(snapshot, found.record):
        place = f"{found.record.branch or 'a branch'}, which is not merged into {snapshot.settings.branch}"
        return None, f"{found.name} of {source} was built from {place}: slipway promote {target.model} proposes it"
    return found, f"{found.name} of {source} can be promoted"


def is_merged(snapshot: Snapshot, record: ReleaseRecord) -> bool:
    """Return True if the history of the snapshot contains the commit of a release.

    A squashed commit is not in it. Return True in a shallow clone, where the history is unknown.
    """
    repository = snapshot.repository
    commit = repository.commit_at(record.commit)
    return history.is_shallow(repository) or (commit is not None and repository.contains(snapshot.commit, commit))


def _unverified(overlay: Overlay, releases: Sequence[Release]) -> SlipwayError:
    names = ", ".join(str(release.name) for release in releases)
    fix = f"verify it by its golden predictions: slipway verify {releases[0].name} (see its --help)"
    return SlipwayError(f"{names} of {overlay.model} is not verified in {overlay.environment}", fix=fix)
