"""`slipway check`: each change of an overlay is checked against the base branch as it is now, and so are wheels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from typing import NamedTuple

import msgspec

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.github import protection
from slipway.gitops import history, release_folder, training_folder
from slipway.gitops.snapshot import Snapshot
from slipway.images.build import lies_under
from slipway.names import ModelId, ReleaseName, check_model_name, folder_name
from slipway.overlays import documents
from slipway.overlays import overlay as overlays
from slipway.overlays.overlay import KUSTOMIZATION, MANIFESTS, RECORD, STATE
from slipway.overlays.types import Hold, Overlay, Release, ReleaseRecord, Training
from slipway.release.due import held
from slipway.review import changes, former, model_wheels, origins, rules
from slipway.review.changes import TRAINING, OverlayChange, Violation, below, contents, releases_of, unlike
from slipway.review.rules import Move
from slipway.settings import FILE, ModelSettings, Settings
from slipway.text import one_line

_REWRITE = "git checkout the base branch's overlays, and let the verb of slipway make the change anew"
_RUNS_ON = "what the cluster runs of it stays there, unless slipway rollback --to nothing was merged before"
_TAKE_OUT = "take it out of the change"
# Two releases of one image under one name may differ in these.
_ANEW = ("created", "by", "commit", "branch", "run", "size", "verifier", "verifier_fingerprint", "manifests")
_SAME = tuple(name for name in ReleaseRecord.__struct_fields__ if name not in _ANEW)


class Checked(NamedTuple):
    """A line for each overlay that a change touches, and the rules that it breaks."""

    lines: list[str]
    violations: list[Violation]


def check(settings: Settings, *, base: str | None = None, head: str | None = None, fork: str = "") -> Checked:
    """Check what the merge of `head` (else HEAD) makes of the branch `base` (else the remote's followed branch).

    The tip of the base branch gives settings, manifests and overlays; the work tree gives nothing. A merge that
    changes no overlay asks no store. Commits on the way count where they declare a release, as history keeps it. Wheels
    in models' folders that it touches have to be installable. `fork` names another repository that the change comes
    from. Raise `SlipwayError` in a shallow clone, and when the commits cannot be compared.
    """
    repository = Repository(settings.root)
    if history.is_shallow(repository):
        problem = f"{settings.root} is a shallow clone: what its overlays once were is not known"
        raise SlipwayError(problem, fix="git fetch --unshallow")
    found = changes.merge(repository, settings, base, head)
    ground = Snapshot(repository, found.tip)
    violations = [*changes.undecided(found), *changes.stray(repository, found)]
    violations += changes.transient(ground, found)
    violations += model_wheels.violations(repository, found)
    lines, overlay_changes = [], changes.overlay_changes(repository, found)
    for change in overlay_changes:
        line, wrong = _check(ground, change, found.tree, fork)
        lines.append(one_line(line))
        violations.extend(wrong)
    if FILE not in found.conflicts:
        violations.extend(changes.abandoned(ground, Snapshot(repository, found.tree), overlay_changes))
    return Checked(lines, violations)


def _check(base: Snapshot, change: OverlayChange, merged: str, fork: str) -> tuple[str, list[Violation]]:
    """Return one line on a change, and the rules that it breaks."""
    name = f"{change.environment}/{change.model}"
    if change.environment not in base.settings.environments and not change.after and not fork:
        return f"{name}: removed, of an environment that has gone; {_RUNS_ON}", []
    if wrong := list(_admissible(base, change, fork)):
        return name, wrong
    before = former.declared(base, change)
    if change.conflicts:
        return name, list(_conflicts(change, before.hold))
    wrong = list(_foreign(base, change)) or list(_training(base, change, before.namespace))
    if change.before == change.after:
        return f"{name}: changes nothing any more", []
    after_files = releases_of(change.after)
    if releases_of(change.before) == after_files:
        return f"{name}: the declared training", wrong
    if not after_files:
        return f"{name}: removed{f'; {_RUNS_ON}' if before.route else ''}", [*wrong, *_removed(base, change, merged)]
    try:
        files = contents(base.repository, after_files)
        after = overlays.parse(files, change.environment, change.model, before.namespace)
        line = f"{name}: {release_folder.shown(before.route)} → {release_folder.shown(after.route)}"
        line += _of_hold(before, after) + origins.warning(base, before, after)
        return line, [*wrong, *_overlay(base, change, before, after)]
    except SlipwayError as error:
        return name, [*wrong, Violation(change.folder, error.problem, error.fix)]


def _of_hold(before: Overlay, after: Overlay) -> str:
    if before.hold == after.hold:
        return ""
    return f"; {held(after.hold)}" if after.hold else "; the hold is lifted"


def _admissible(base: Snapshot, change: OverlayChange, fork: str) -> Iterator[Violation]:
    """Check that the overlay may exist, and that the change may come from where it comes."""
    try:
        environment = base.settings.environment(change.environment)
        check_model_name(change.model)
    except SlipwayError as error:
        yield Violation(change.folder, error.problem, error.fix)
        return
    if fork:
        text = (base.read(protection.CODEOWNERS) or b"").decode(errors="replace")
        who = protection.owners(text, f"{change.folder}/{KUSTOMIZATION}")
        problem = f"comes from the fork {fork!r}, and only this repository may change what runs in {change.environment}"
        verb = "promote --to" if environment.promotes_from else "release --env"
        fix = f"slipway {verb} {change.environment} {change.model}, by who may push here"
        yield Violation(change.folder, problem, fix + (f" (owners: {', '.join(who)})" if who else ""))


def _conflicts(change: OverlayChange, hold: Hold | None) -> Iterator[Violation]:
    """Name the files that both sides have changed, and the hold that stands."""
    for path in change.conflicts:
        problem = "was changed on the base branch since this change left it"
        yield Violation(f"{change.folder}/{path}", problem, "make the change anew on the branch as it is now")
    if hold is not None:
        fix = f"slipway lift {change.model} --env {change.environment}, when the reason is gone"
        yield Violation(f"{change.folder}/{STATE}", f"the model is {held(hold)}", fix)


def _overlay(base: Snapshot, change: OverlayChange, before: Overlay, after: Overlay) -> Iterator[Violation]:
    move = _move(base, before, after)
    yield from _written(base, change, after, before.namespace)
    alike = cache(partial(former.running_alike, base, change))
    yield from _folders(base, change, move, alike)
    wrong = list(rules.violations(move))
    returning = [release for release in move.new if release in move.past]
    if returning and after.hold == before.hold:
        path = move.at(str(returning[0].name))
        wrong.append(Violation(path, "comes back as it once was, which only a rollback does", move.verb("rollback …")))
    found = alike() if wrong else []
    if reverts := [list(rules.revert_violations(move, each)) for each in found if not rules.rolls_back(move, each)]:
        wrong = min(reverts, key=len)
    yield from wrong
    yield from origins.violations(base, move, [release for release in move.new if release not in returning])


def _move(base: Snapshot, before: Overlay, after: Overlay) -> Move:
    def verified(name: ReleaseName) -> bool:
        store = origins.reachable(base.settings, after.environment, after.model)
        return store.verified(after.model, name) is not None

    of = base.settings.declared.get(after.model, ModelSettings()).within(after.environment)
    return Move(before, after, history.releases(base, before), of.retention, verified)


def _removed(base: Snapshot, change: OverlayChange, merged: str) -> Iterator[Violation]:
    """Check that an overlay goes with its model or environment, or with the one commit that began it."""
    after = Snapshot(base.repository, merged)
    if change.environment not in after.settings.environments:
        return
    of = after.settings.declared.get(change.model, ModelSettings())
    there = (
        of.target is not None or after.read(f"{of.folder or f'model/{folder_name(change.model)}'}/model.py") is not None
    )
    if there and len(former.commits(base, change)) > 1:
        problem = "all of it is removed, and the model is still there"
        yield Violation(change.folder, problem, "remove the model in the same change, or leave the overlay")


def _foreign(base: Snapshot, change: OverlayChange) -> Iterator[Violation]:
    """Find files that no verb writes into an overlay's folder."""
    for path in change.changed:
        if path not in change.after or overlays.is_own(path):
            continue
        if not path.startswith(TRAINING):
            yield Violation(f"{change.folder}/{path}", "is no file that slipway writes", _TAKE_OUT)
        elif base.settings.environment(change.environment).promotes_from is not None:
            problem = f"declares a training, and {change.environment} takes promotions only"
            yield Violation(f"{change.folder}/{path}", problem, _TAKE_OUT)


def _written(base: Snapshot, change: OverlayChange, after: Overlay, namespace: str) -> Iterator[Violation]:
    """Find files beside the releases' folders that differ from what slipway writes for the same data."""
    if after.namespace != namespace:
        problem = f"deploys to the namespace {after.namespace}, and {change.environment} is {namespace}"
        yield Violation(f"{change.folder}/{KUSTOMIZATION}", problem, _REWRITE)
    files, expected = contents(base.repository, releases_of(change.after)), overlays.format(after)
    for path in sorted(expected.keys() | files.keys()):
        if path not in files:
            yield Violation(f"{change.folder}/{path}", "is missing", _REWRITE)
        elif files[path] != expected.get(path):
            yield Violation(f"{change.folder}/{path}", "is not what slipway writes for what it says", _REWRITE)


def _folders(
    base: Snapshot, change: OverlayChange, move: Move, alike: Callable[[], list[Overlay]]
) -> Iterator[Violation]:
    """Find releases' folders that differ from how they were declared, or from what their records give."""
    takes_promotions = base.settings.environment(change.environment).promotes_from is not None
    known = {release.name: release for release in move.before.releases}
    for release in move.after.releases:
        old = known.get(release.name)
        if release == old or release in move.past:
            if overlays.is_altered(release) and move.brings(release.name):
                problem, fix = overlays.told_altered(change.environment, change.model, release.name)
                yield Violation(move.at(str(release.name)), problem, fix)
            continue
        mended = old is not None and overlays.is_altered(old) and old.record == release.record
        if mended and not overlays.is_altered(release):
            continue
        if old is None or not takes_promotions:
            wrong = list(_release(base, change, release, old))
            # A revert may lead to what other settings once gave.
            if wrong and (overlays.is_altered(release) or all(release not in each.releases for each in alike())):
                yield from wrong
            continue
        for path in sorted(old.files.keys() | release.files.keys()):
            if old.files.get(path) != release.files.get(path):
                problem = "was changed, and the folder of a release stays as it was declared"
                yield Violation(move.at(f"{release.name}/{path}"), problem, "take that out of the change")


def _release(base: Snapshot, change: OverlayChange, release: Release, old: Release | None) -> Iterator[Violation]:
    """Compare a release's folder with what the base branch renders from its record.

    `old` is the declared release of the same name, which must have the same image.
    """
    where = f"{change.folder}/{release.name}"
    if old is not None and unlike(old.record, release.record, _SAME):
        yield Violation(f"{where}/{RECORD}", f"is another release than {old.name}, which is declared", _REWRITE)
    if release.record.model_id != str(ModelId(change.model, change.environment, release.version)):
        yield Violation(f"{where}/{RECORD}", f"is of {release.record.model_id!r}, and lies in {where}", _REWRITE)
        return
    made_in = base.settings.made_in(change.environment)
    images = {"image": release.record.image, "verifier": release.record.verifier}
    if old is not None:
        images = {what: image for what, image in images.items() if image not in (old.record.image, old.record.verifier)}
    for problem in _foreign_images(base.settings, made_in, images.items()):
        yield Violation(f"{where}/{RECORD}", problem, _REWRITE)
    try:
        made = release_folder.make(base, release.record)
    except SlipwayError as error:
        yield Violation(where, f"cannot be rendered on the base branch: {error.problem}", error.fix or _REWRITE)
        return
    # A digest of other files than the base branch renders is told once, of these files.
    told = release.record.manifests in (made.record.manifests, overlays.digest_of(release.files))
    record = release.record if told else made.record
    expected = made.files | {RECORD: documents.format(msgspec.to_builtins(record))}
    for path in sorted(expected.keys() | release.files.keys()):
        if path not in expected:
            yield Violation(f"{where}/{path}", "is no file that slipway writes", _TAKE_OUT)
        elif release.files[path] != expected[path]:
            given = "the base branch's manifests/function and slipway.yaml give for its record"
            problem = f"is not what {given if path == MANIFESTS else 'slipway writes for what it says'}"
            yield Violation(f"{where}/{path}", problem, _REWRITE)


def _foreign_images(settings: Settings, environment: str, images: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Find images that are not in the registry of the environment."""
    registry = settings.environment(environment).registry
    for what, image in images:
        if image and not lies_under(image, registry):
            yield f"its {what} {image!r} is no digest of {registry}, where {environment} has its images"


def _training(base: Snapshot, change: OverlayChange, namespace: str) -> Iterator[Violation]:
    """Compare a declared training with what the base branch makes of its record."""
    before, after = (below(side, TRAINING) for side in (change.before, change.after))
    if before == after or not after:
        return
    files, where = contents(base.repository, after), f"{change.folder}/training"
    try:
        found = documents.read(files.get(RECORD, b""), f"{where}/{RECORD}", Training)
        workflows = base.files(training_folder.BASE)
        made = training_folder.files(workflows, change.environment, change.model, namespace, found, base.settings.root)
    except SlipwayError as error:
        yield Violation(where, error.problem, error.fix or _REWRITE)
        return
    for problem in _unlike_settings(base.settings, change, found):
        yield Violation(f"{where}/{RECORD}", problem, _REWRITE)
    for path in sorted(made.keys() | files.keys()):
        if files.get(path) != made.get(path):
            problem = "is not what the base branch's workflows/train gives for its record"
            yield Violation(f"{where}/{path}", problem, _REWRITE)


def _unlike_settings(settings: Settings, change: OverlayChange, found: Training) -> Iterator[str]:
    """Find where a declared training differs from the settings: its images, and what its pods get to see."""
    of, at = settings.declared.get(change.model, ModelSettings()), settings.environment(change.environment)
    for name, declared, meant in (
        ("secrets", found.secrets, of.secrets),
        ("variables", found.variables, at.variables),
        ("repository to announce to", found.announce, at.announce),
        ("store", found.store, at.store),
    ):
        if declared != meant:
            yield f"has not the {name} of the base branch's slipway.yaml"
    yield from _foreign_images(settings, change.environment, [("image", found.image), ("image", found.platform)])
