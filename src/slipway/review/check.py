"""`slipway check`: whatever a change of overlays claims is looked at again, on the base branch as it is now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.github import codeowners
from slipway.gitops import history, release_folder
from slipway.gitops.snapshot import Snapshot
from slipway.names import check_model_name
from slipway.overlays.overlay import KUSTOMIZATION, STATE
from slipway.release.due import held
from slipway.review import claims, decisions, promotions, written
from slipway.review.claims import Claim, Compared, Violation
from slipway.review.decisions import Move
from slipway.settings import ModelSettings

if TYPE_CHECKING:
    from slipway.names import ReleaseName
    from slipway.overlays.types import Overlay, Release
    from slipway.settings import Settings

__all__ = ["Checked", "check"]


class Checked(NamedTuple):
    """What a change does to overlays, a line for each, and what of it may not be."""

    lines: list[str]
    violations: list[Violation]


def check(settings: Settings, *, base: str | None = None, head: str | None = None, fork: str = "") -> Checked:
    """Check the change from the branch `base` (else the remote's that the cluster follows) to `head` (else HEAD).

    Settings, manifests and overlays are those of the base branch's tip, and none is read from the work tree; a change
    that touches no overlay asks no store. `fork` is the repository that the change comes from, where that is another
    one. Raises `SlipwayError` when the commits cannot be compared.
    """
    repository = Repository(settings.root)
    commits = claims.compared(repository, settings, base, head)
    found = claims.claims(repository, commits)
    violations = list(claims.stray(repository, commits))
    ground = Snapshot(repository, commits.tip)
    lines = []
    for claim in found:
        line, wrong = _checked(ground, commits, claim, fork)
        lines.append(claims.plain(line))
        violations.extend(wrong)
    return Checked(lines, violations)


def _checked(ground: Snapshot, commits: Compared, claim: Claim, fork: str) -> tuple[str, list[Violation]]:
    """What a claim is about in one line, and what of it does not hold."""
    name = f"{claim.environment}/{claim.model}"
    if wrong := list(_admissible(ground, claim, fork)):
        return name, wrong
    namespace = _namespace(ground, claim)
    if claim.clashes:
        return name, list(_clashes(ground, claim, namespace))
    wrong = list(written.foreign(claim, ground.settings))
    if not wrong:
        wrong += written.training(ground, claim, namespace)
    if claim.before == claim.after:
        return f"{name}: changes nothing any more", []
    if claims.own(claim.before) == claims.own(claim.after):
        return f"{name}: the declared training", wrong
    if not claims.own(claim.after):
        return f"{name}: removed", [*wrong, *_removed(ground, commits, claim)]
    try:
        before = _before(ground, claim, namespace)
        after = written.overlay_of(ground.repository, claim, claim.after, namespace)
        line = f"{name}: {release_folder.shown(before.route)} → {release_folder.shown(after.route)}"
        line += promotions.told(ground, before, after)
        return line, [*wrong, *_overlay(ground, claim, before, after)]
    except SlipwayError as error:
        return name, [*wrong, Violation(claim.folder, error.problem, error.fix)]


def _admissible(ground: Snapshot, claim: Claim, fork: str) -> Iterator[Violation]:
    """Whether there may be such an overlay, and such a change of it."""
    try:
        environment = ground.settings.environment(claim.environment)
        check_model_name(claim.model)
    except SlipwayError as error:
        yield Violation(claim.folder, error.problem, error.fix)
        return
    if fork:
        text = ground.read(codeowners.FILE) or b""
        who = codeowners.owners(text.decode(errors="replace"), f"{claim.folder}/{KUSTOMIZATION}")
        problem = f"comes from the fork {fork!r}, and what runs in {claim.environment} changes from within alone"
        verb = "promote --to" if environment.promotes_from else "release --env"
        fix = f"slipway {verb} {claim.environment} {claim.model}, by who may push here"
        yield Violation(claim.folder, problem, fix + (f" (owners: {', '.join(who)})" if who else ""))


def _namespace(ground: Snapshot, claim: Claim) -> str:
    """That of the overlay as it is declared, or else of the settings."""
    fallback = ground.settings.environment(claim.environment).namespace
    try:
        return written.overlay_of(ground.repository, claim, claim.before, fallback).namespace
    except SlipwayError:
        return fallback


def _clashes(ground: Snapshot, claim: Claim, namespace: str) -> Iterator[Violation]:
    """What was decided on the base branch since the change left it, and the change knows nothing of."""
    for path in claim.clashes:
        problem = "was changed on the base branch since this change left it"
        yield Violation(f"{claim.folder}/{path}", problem, "make the change anew on the branch as it is now")
    try:
        hold = written.overlay_of(ground.repository, claim, claim.before, namespace).hold
    except SlipwayError:
        return
    if hold is not None:
        fix = f"slipway lift {claim.model} --env {claim.environment}, when the reason is gone"
        yield Violation(f"{claim.folder}/{STATE}", f"the model is {held(hold)}", fix)


def _before(ground: Snapshot, claim: Claim, namespace: str) -> Overlay:
    """The overlay as it is declared; one that cannot be read is as good as none, for what mends it."""
    try:
        return written.overlay_of(ground.repository, claim, claim.before, namespace)
    except SlipwayError:
        if not _is_former(ground, claim):
            raise
        return written.overlay_of(ground.repository, claim, claim.after, namespace)


def _overlay(ground: Snapshot, claim: Claim, before: Overlay, after: Overlay) -> Iterator[Violation]:
    files = written.contents(ground.repository, claims.own(claim.after))
    move = _move(ground, before, after)
    yield from written.unlike(claim, files, after, before.namespace)
    yield from _folders(ground, claim, move)
    wrong = list(decisions.violations(move))
    returning = _returning(move)
    if returning and after.hold == before.hold:
        path = move.at(str(returning[0].name))
        wrong.append(Violation(path, "comes back as it once was, which only a rollback does", move.verb("rollback …")))
    if wrong and _is_former(ground, claim):
        # A revert: all of the overlay is as it was declared before.
        wrong = list(_reverted(move))
    yield from wrong
    new = [release for release in move.new if release not in returning]
    yield from promotions.violations(ground, move, new)


def _move(ground: Snapshot, before: Overlay, after: Overlay) -> Move:
    def verified(name: ReleaseName) -> bool:
        store = promotions.reachable(ground.settings, after.environment, after.model)
        return store.verified(after.model, name) is not None

    of = ground.settings.declared.get(after.model, ModelSettings()).within(after.environment)
    known = history.releases(ground, before)
    return Move(before, after, known, of.retention, verified)


def _returning(move: Move) -> list[Release]:
    """Releases that are declared anew, each just as it was once."""
    return [release for release in move.new if release in move.past]


def _folders(ground: Snapshot, claim: Claim, move: Move) -> Iterator[Violation]:
    takes_promotions = ground.settings.environment(claim.environment).promotes_from is not None
    known = {release.name: release for release in move.before.releases}
    for release in move.after.releases:
        old = known.get(release.name)
        if release == old or release in move.past:
            continue
        if old is not None and takes_promotions:
            for path in sorted(
                path for path in old.files | release.files if old.files.get(path) != release.files.get(path)
            ):
                problem = "was changed, and the folder of a release stays as it was declared"
                yield Violation(move.at(f"{release.name}/{path}"), problem, "take that out of the change")
        else:
            yield from written.rendered(ground, claim, release, old)


def _is_former(ground: Snapshot, claim: Claim) -> bool:
    """Whether the overlay was just so before, in some commit of the base branch."""
    wanted = claims.own(claim.after)
    log = ground.repository.run("log", "--first-parent", "--format=%H", ground.commit, "--", f"{claim.folder}/")
    for commit in log.decode().split():
        found = claims.entries(ground.repository, commit, f"{claim.folder}/")
        if claims.own({path[len(claim.folder) + 1 :]: entry for path, entry in found.items()}) == wanted:
            return True
    return False


def _reverted(move: Move) -> Iterator[Violation]:
    """Of a change that makes the overlay what it was before."""
    if move.before.hold is not None and move.after.hold != move.before.hold:
        problem = f"reverts to a former state while the model is {held(move.before.hold)}"
        yield Violation(move.at(STATE), problem, f"{move.verb('lift')}, in a change of its own")
    for name in sorted({*move.before.rejected} - {*move.after.rejected}):
        problem = f"reverts to a former state, in which {name} was not rejected yet"
        promoted = any(release.name == name and release.record.origin for release in move.past)
        again = "promote --again" if promoted else f"release --version {name.version}"
        yield Violation(move.at(STATE), problem, f"{move.verb('lift')}, then {move.verb(again)}")


def _removed(ground: Snapshot, commits: Compared, claim: Claim) -> Iterator[Violation]:
    """An overlay goes when its model does, or with the one commit that began it."""
    log = ground.repository.run("log", "--first-parent", "--format=%H", ground.commit, "--", f"{claim.folder}/")
    of = Snapshot(ground.repository, commits.head).settings.declared.get(claim.model, ModelSettings())
    name = f"{commits.head}:{of.folder or f'model/{claim.model}'}/model.py"
    there = of.target is not None or ground.repository.read([name])[name] is not None
    if there and len(log.split()) > 1:
        problem = "all of it is removed, and the model is still there"
        yield Violation(claim.folder, problem, "remove the model in the same change, or leave the overlay")
