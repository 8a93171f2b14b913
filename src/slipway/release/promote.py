"""`slipway promote`: move a verified release with its image from one environment to the next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.gitops import edits, history, release_folder
from slipway.gitops.branches import Change, Here, Place, Proposed, Stand
from slipway.gitops.edits import Edited
from slipway.gitops.snapshot import Snapshot
from slipway.names import ReleaseName, nearest
from slipway.overlays.types import Origin, Overlay, Release, folder_of
from slipway.release import compatibility
from slipway.release.candidates import Wish, candidate, rejections_of, source_of
from slipway.release.due import held, refuse_held
from slipway.settings import Settings
from slipway.store import store_of
from slipway.store.records import run_url

_USUAL = Wish()

AUTOMATIC = "Proposed by itself"
"""The line of a commit message that marks a promotion which no person asked for."""


class Promoted(NamedTuple):
    """The result of a promotion."""

    edited: Edited
    source: Release
    """The promoted release in its source environment."""
    settings: Settings
    """The settings at the commit whose code the place uses."""


def target_of(settings: Settings, name: str | None) -> str:
    """Return the environment to promote to: the named one, or the only one that takes promotions."""
    if name is not None:
        source_of(settings, name)
        return name
    found = settings.promoted()
    if len(found) != 1:
        fix = f"name one with --to; {nearest('', found)}"
        raise SlipwayError(f"{len(found)} environments take promotions", fix=fix)
    return found[0]


def promote(
    settings: Settings, model: str, wish: Wish = _USUAL, *, to: str | None = None, place: Place | None = None
) -> Promoted:
    """Promote a release in one commit at `place`, by default the current branch.

    Then copy its artifact into the store of the target environment, unless the promotion is only proposed. After the
    merge of a proposal, `copy` does that. Raise `SlipwayError` when a hold stands, or when no verified release exists.
    """
    where = place or Here(Repository(settings.root))
    done = edits.retrying(lambda: _attempt(model, to, wish, where), where.pause)
    if not isinstance(where, Proposed):
        done.edited.lines.extend(_copied(where.repository, done, model, target_of(done.settings, to)))
    return done


def is_automatic(snapshot: Snapshot, tip: str, overlay: Overlay) -> bool:
    """Return True if nobody but `promote --due` has written what the branch at `tip` changes of an overlay.

    A merge of the base branch, such as "Update branch" on GitHub, is no change while it resolves nothing by hand.
    """
    place = (f"{snapshot.commit}..{tip}", "--", f"{folder_of(overlay.environment, overlay.model)}/")
    run = snapshot.repository.run
    commits = run("log", "--full-history", "--no-merges", "--format=%x00%B", *place).decode(errors="replace")
    resolved = run("log", "--full-history", "--merges", "--diff-merges=combined", "--name-only", "--format=", *place)
    messages = commits.split("\0")[1:]
    return bool(messages) and not resolved.strip() and all(f"{AUTOMATIC}: yes" in message for message in messages)


def _copied(repository: Repository, done: Promoted, model: str, environment: str) -> list[str]:
    made, before = done.edited.commit, done.edited.snapshot
    commit = made or (before.commit if before else repository.latest())
    try:
        return _copy_all(Snapshot(repository, commit, done.settings), [model], environment)
    except SlipwayError as error:
        was = f"committed {made[:12]}" if made else "promoted before"
        problem = f"{was}, but the artifact is not in the store of {environment}: {error.problem}"
        raise SlipwayError(problem, fix=f"{error.fix}; then slipway copy {model} --env {environment}") from error


def _attempt(model: str, to: str | None, wish: Wish, place: Place) -> Promoted:
    stand = place.stand()
    snapshot = Snapshot.of(place.repository, stand)
    settings = snapshot.settings
    settings.model(model)
    environment = target_of(settings, to)
    target = snapshot.overlay(environment, model)
    refuse_held(target)
    found = candidate(snapshot, target, wish)
    release = _release(snapshot, stand, target, found, wish)
    _check_callers(settings, target, found, release, wish)
    notes = _notes(snapshot, target, found)
    forgiven = rejections_of(snapshot, target).forgive(release)
    served = release.name in target.route and wish.traffic == 100
    after = target if served else release_folder.with_share(forgiven, release, wish.traffic)
    shown = release_folder.shown(after.route)
    if after == target:
        already = f"{environment} serves {found.name} already, as {release.name}: {shown}"
        return Promoted(Edited([already, *notes], snapshot=snapshot), found, settings)
    change = Change(snapshot.changes(after), _message(target, after, release, wish), [after])
    commit = place.commit(stand, change)
    lines = [f"{environment}: {model} {release.name} from {_from(release)}, {shown} ({place})", *notes]
    return Promoted(Edited(lines, commit, change.message, target, after, snapshot, stand.branch), found, settings)


def _check_callers(settings: Settings, target: Overlay, found: Release, release: Release, wish: Wish) -> None:
    """Raise `SlipwayError` when a promotion breaks the calls of today and nobody accepted that with a reason."""
    if wish.accept_breaking.strip():
        return
    source = source_of(settings, target.environment)
    if broken := compatibility.broken(settings, target, source, found, release):
        told = "".join(f"\n  {change.text}" for change in broken)
        problem = f"{found.name} breaks calls that {target.environment} answers now:{told}"
        raise SlipwayError(problem, fix="tell the callers, then promote it with --accept-breaking 'why'")


def _notes(snapshot: Snapshot, target: Overlay, found: Release) -> list[str]:
    """Return notes on unusual facts about the chosen release."""
    source, notes = source_of(snapshot.settings, target.environment), []
    overlay = snapshot.overlay(source, target.model)
    newest, serving = overlay.serving(), target.serving()
    if overlay.hold is not None:
        notes.append(f"{target.model} in {source} is {held(overlay.hold)}")
    if newest is not None and newest.age > found.age:
        notes.append(f"{source} also serves {newest.name}, which is newer and was not chosen")
    if serving is not None and serving.record.origin is not None:
        before = ReleaseName.parse(serving.record.origin.release)
        if before.version > found.version:
            notes.append(f"{target.environment} served {before} of {source} until now, which is newer")
    return notes


def _release(snapshot: Snapshot, stand: Stand, target: Overlay, found: Release, wish: Wish) -> Release:
    """Return the declared release with the same image and artifact, or a new one with the next version."""
    fingerprint = found.record.fingerprint
    for release in target.releases:
        if release.record.fingerprint == fingerprint and release.record.artifact == found.record.artifact:
            return release
    store = snapshot.store(target.environment)
    taken = [*store.versions(target.model), *(name.version for name in target.rejected)]
    version = max([*taken, *(release.version for release in target.releases)], default=0) + 1
    record = msgspec.structs.replace(
        found.record,
        release=str(ReleaseName.of(version, fingerprint)),
        version=version,
        model_id=f"{target.model}/{target.environment}/{version}",
        created=history.time_after(snapshot, target, version),
        by=snapshot.repository.identity(),
        run=run_url(),
        accepted=wish.accept_breaking,
        origin=Origin(environment=source_of(snapshot.settings, target.environment), release=str(found.name)),
    )
    return release_folder.make(Snapshot(snapshot.repository, stand.code.commit, snapshot.settings), record)


def _message(before: Overlay, after: Overlay, release: Release, wish: Wish) -> str:
    undo = f"slipway rollback {after.model} --env {after.environment} --reason '…'"
    return release_folder.announced(
        f"{after.environment}/{after.model}: promote {release.name} from {_from(release)}",
        {
            "Version": release.record.model_id,
            "Metrics": release_folder.shown_metrics(release.record.metrics),
            "Route": release_folder.shown(after.route),
            "Image": release.record.image,
            "From commit": release.record.commit,
            **({AUTOMATIC: "yes"} if wish.automatic else {}),
            **({"Undo": undo} if before.route else {}),
        },
    )


def _from(release: Release) -> str:
    origin = release.record.origin
    return f"{origin.environment}/{origin.release}" if origin else "nowhere"


def copy(settings: Settings, models: Sequence[str], environment: str) -> list[str]:
    """Copy the missing artifacts of an environment's overlays into its store, and return a line for each copy.

    Read the overlays from the checked-out commit. If `models` is empty, copy for all models with an overlay. Continue
    with the other models when one fails, and raise `SlipwayError` at the end.
    """
    settings.environment(environment)
    for model in models:
        settings.model(model)
    repository = Repository(settings.root)
    return _copy_all(Snapshot(repository, repository.latest(), settings), models, environment)


def _copy_all(snapshot: Snapshot, models: Sequence[str], environment: str) -> list[str]:
    lines: list[str] = []
    failed: list[SlipwayError] = []
    for model in models or sorted(snapshot.models(environment)):
        try:
            overlay = snapshot.overlay(environment, model)
            lines.extend(filter(None, (_copy(snapshot.settings, overlay, each) for each in overlay.releases[::-1])))
        except SlipwayError as error:
            failed.append(error)
    if failed:
        told = "".join(f"\n  {line}" for line in lines)
        problem = "\n".join(error.problem for error in failed)
        raise SlipwayError(problem + (f"\nthe other artifacts were copied:{told}" if lines else ""), fix=failed[0].fix)
    return lines


def lacking(settings: Settings) -> dict[str, list[str]]:
    """Return the promoted versions that the stores lack, by environment, each with a reason.

    A store that cannot be read, or whose versions are wrong, may lack some: the copy says so.
    """
    repository = Repository(settings.root)
    snapshot = Snapshot(repository, repository.latest(), settings)
    found = {environment: list(_lacking(snapshot, environment)) for environment in settings.promoted()}
    return {environment: lines for environment, lines in found.items() if lines}


def _lacking(snapshot: Snapshot, environment: str) -> Iterator[str]:
    for model in sorted(snapshot.load(environment)):
        try:
            overlay = snapshot.overlay(environment, model)
            for release in overlay.releases:
                if _is_lacking(snapshot.settings, overlay, release):
                    yield f"{release.record.model_id} is not in the store"
        except SlipwayError as error:
            yield f"{model}: {error.problem}"


def _is_lacking(settings: Settings, overlay: Overlay, release: Release) -> bool:
    """Return True if the store lacks the artifact of a promoted release. Raise `SlipwayError` for another artifact."""
    if release.record.origin is None:
        return False
    store = store_of(settings, overlay.environment)
    if release.version not in store.versions(overlay.model):
        return True
    if store.record(overlay.model, release.version).artifact.digest == release.record.artifact:
        return False
    problem = f"{release.record.model_id} holds another artifact than {release.name} names"
    raise SlipwayError(problem, fix="a person published this version: git revert the promotion and promote again")


def _copy(settings: Settings, overlay: Overlay, release: Release) -> str:
    """Copy the artifact of a promoted release if the store lacks it. Return a line about the copy, or ""."""
    origin, artifact = release.record.origin, release.record.artifact
    if origin is None or not _is_lacking(settings, overlay, release):
        return ""
    store, source = store_of(settings, overlay.environment), store_of(settings, origin.environment)
    record = source.record(overlay.model, ReleaseName.parse(origin.release).version)
    if record.artifact.digest != artifact:
        raise SlipwayError(f"{record.id} holds another artifact than {release.name} names", fix="promote again")
    store.copy(record, release.version, source=source)
    return f"copied {record.id} to {release.record.model_id}"
