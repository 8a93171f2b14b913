"""`slipway check`: each change of an overlay is checked against the base branch as it is now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.github import protection
from slipway.gitops import history, release_folder
from slipway.gitops.snapshot import Snapshot
from slipway.names import ReleaseName, check_model_name
from slipway.overlays.overlay import KUSTOMIZATION, STATE
from slipway.overlays.types import Hold, Overlay
from slipway.release.due import held
from slipway.review import decisions, origins, overlay_files
from slipway.review.changes import OverlayChange, Violation, below, commits, overlay_changes, releases_of, stray
from slipway.review.decisions import Move
from slipway.settings import ModelSettings, Settings
from slipway.text import one_line


class Checked(NamedTuple):
    """A line for each overlay that a change touches, and the rules that it breaks."""

    lines: list[str]
    violations: list[Violation]


def check(settings: Settings, *, base: str | None = None, head: str | None = None, fork: str = "") -> Checked:
    """Check the change from the branch `base` (else the remote's followed branch) to `head` (else HEAD).

    The tip of the base branch gives settings, manifests and overlays; the work tree gives nothing. A change of no
    overlay asks no store. `fork` names another repository that the change comes from. Raise `SlipwayError` when the
    commits cannot be compared.
    """
    repository = Repository(settings.root)
    found = commits(repository, settings, base, head)
    ground = Snapshot(repository, found.tip)
    violations = list(stray(repository, found))
    lines = []
    for change in overlay_changes(repository, found):
        line, wrong = _check(ground, change, found.head, fork)
        lines.append(one_line(line))
        violations.extend(wrong)
    return Checked(lines, violations)


def _check(base: Snapshot, change: OverlayChange, head: str, fork: str) -> tuple[str, list[Violation]]:
    """Return one line on a change, and the rules that it breaks."""
    name = f"{change.environment}/{change.model}"
    if wrong := list(_admissible(base, change, fork)):
        return name, wrong
    declared, namespace = None, base.settings.environment(change.environment).namespace
    with suppress(SlipwayError):
        declared = change.overlay(base.repository, change.before, namespace)
        namespace = declared.namespace
    if change.conflicts:
        return name, list(_conflicts(change, declared.hold if declared else None))
    wrong = list(overlay_files.foreign(base, change)) or list(overlay_files.training(base, change, namespace))
    if change.before == change.after:
        return f"{name}: changes nothing any more", []
    after_files = releases_of(change.after)
    if releases_of(change.before) == after_files:
        return f"{name}: the declared training", wrong
    if not after_files:
        return f"{name}: removed", [*wrong, *_removed(base, change, head)]
    try:
        after = change.overlay(base.repository, after_files, namespace)
        # Where the declared overlay is damaged, a revert brings its former state back.
        damaged = declared is None and not _is_former(base, change)
        before = change.overlay(base.repository, change.before, namespace) if damaged else declared or after
        line = f"{name}: {release_folder.shown(before.route)} → {release_folder.shown(after.route)}"
        return line + origins.warning(base, before, after), [*wrong, *_overlay(base, change, before, after)]
    except SlipwayError as error:
        return name, [*wrong, Violation(change.folder, error.problem, error.fix)]


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
    """Name the files and the hold that the base branch has changed since the fork."""
    for path in change.conflicts:
        problem = "was changed on the base branch since this change left it"
        yield Violation(f"{change.folder}/{path}", problem, "make the change anew on the branch as it is now")
    if hold is not None:
        fix = f"slipway lift {change.model} --env {change.environment}, when the reason is gone"
        yield Violation(f"{change.folder}/{STATE}", f"the model is {held(hold)}", fix)


def _overlay(base: Snapshot, change: OverlayChange, before: Overlay, after: Overlay) -> Iterator[Violation]:
    move = _move(base, before, after)
    yield from overlay_files.unlike(base, change, after, before.namespace)
    yield from overlay_files.folders(base, change, move)
    wrong = list(decisions.violations(move))
    returning = [release for release in move.new if release in move.past]
    if returning and after.hold == before.hold:
        path = move.at(str(returning[0].name))
        wrong.append(Violation(path, "comes back as it once was, which only a rollback does", move.verb("rollback …")))
    if wrong and _is_former(base, change):
        # A revert: the base branch once declared this very overlay.
        wrong = list(decisions.revert_violations(move))
    yield from wrong
    yield from origins.violations(base, move, [release for release in move.new if release not in returning])


def _move(base: Snapshot, before: Overlay, after: Overlay) -> Move:
    def verified(name: ReleaseName) -> bool:
        store = origins.reachable(base.settings, after.environment, after.model)
        return store.verified(after.model, name) is not None

    of = base.settings.declared.get(after.model, ModelSettings()).within(after.environment)
    return Move(before, after, history.releases(base, before), of.retention, verified)


def _is_former(base: Snapshot, change: OverlayChange) -> bool:
    """Return True if some commit of the base branch had just this overlay."""
    folder, wanted = f"{change.folder}/", releases_of(change.after)
    former = (base.repository.blobs(commit, folder) for commit in _commits(base, change))
    return any(releases_of(below(files, folder)) == wanted for files in former)


def _removed(base: Snapshot, change: OverlayChange, head: str) -> Iterator[Violation]:
    """Check that an overlay goes with its model, or with the one commit that began it."""
    after = Snapshot(base.repository, head)
    of = after.settings.declared.get(change.model, ModelSettings())
    there = of.target is not None or after.read(f"{of.folder or f'model/{change.model}'}/model.py") is not None
    if there and len(_commits(base, change)) > 1:
        problem = "all of it is removed, and the model is still there"
        yield Violation(change.folder, problem, "remove the model in the same change, or leave the overlay")


def _commits(base: Snapshot, change: OverlayChange) -> list[str]:
    """Return the commits of the base branch that changed an overlay, the newest first."""
    log = base.repository.run("log", "--first-parent", "--format=%H", base.commit, "--", f"{change.folder}/")
    return log.decode().split()
