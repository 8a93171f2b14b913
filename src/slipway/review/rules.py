"""Rules for a changed overlay: route, hold, rejections and releases change only as slipway's verbs change them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from slipway.names import ReleaseName
from slipway.overlays.overlay import KUSTOMIZATION, RECORD, ROUTE, STATE
from slipway.overlays.types import Overlay, Release, folder_of, ordered
from slipway.release import retention
from slipway.release.decisions import NOTHING
from slipway.release.due import Rejections, held
from slipway.review.changes import Violation
from slipway.text import is_plain

_ROLLBACK = "rollback --reason '…'"


class Move(NamedTuple):
    """An overlay before and after a change."""

    before: Overlay
    after: Overlay
    past: Sequence[Release]
    """All releases that are declared before or ever were, newest first."""
    retention: int
    verified: Callable[[ReleaseName], bool]

    @property
    def new(self) -> list[Release]:
        """Return the releases that were not declared before, the oldest first."""
        return [release for release in reversed(self.after.releases) if not self.before.has(release.name)]

    def brings(self, name: ReleaseName) -> bool:
        """Return True if a release gets more of the requests than before."""
        return self.after.route.get(name, 0) > self.before.route.get(name, 0)

    def at(self, path: str) -> str:
        """Return the path of a file of the overlay within the repository."""
        return f"{folder_of(self.after.environment, self.after.model)}/{path}"

    def record(self, release: Release) -> str:
        """Return the path of a release's record."""
        return self.at(f"{release.name}/{RECORD}")

    def verb(self, words: str) -> str:
        """Return a command for this overlay."""
        verb, _, rest = words.partition(" ")
        place = "--to" if verb == "promote" else "--env"
        return f"slipway {verb} {self.after.model} {place} {self.after.environment} {rest}".rstrip()


def violations(move: Move) -> Iterator[Violation]:
    """Find decisions that no verb makes, in an overlay whose files are as slipway writes them."""
    if msgspec.structs.replace(move.after, hold=move.before.hold) == move.before:
        yield from _only_hold(move)
    elif move.after.hold != move.before.hold:
        yield from _rollback(move)
    else:
        yield from _held(move)
        yield from _route(move)
        yield from _rejections(move)
        yield from _retention(move)
    for name in sorted({*move.after.route} & {*move.after.rejected}):
        yield Violation(move.at(ROUTE), f"sends requests to {name}, which is rejected", move.verb("traffic …"))


def rolls_back(move: Move, former: Overlay) -> bool:
    """Return True if a change rejects more and holds, as rollbacks do, and the former overlay had another hold."""
    more = {*move.after.rejected} - {*move.before.rejected}
    return bool(more) and move.after.hold not in (None, move.before.hold, former.hold)


def revert_violations(move: Move, former: Overlay) -> Iterator[Violation]:
    """Find what a revert to a former overlay must not do: undo a hold or a rejection, or bring what was rejected."""
    hold, rejected = move.before.hold, {*move.before.rejected}
    if hold is not None and move.after.hold != hold:
        problem = f"reverts to a former state while the model is {held(hold)}"
        yield Violation(move.at(STATE), problem, f"{move.verb('lift')}, in a change of its own")
    elif move.after.hold not in (hold, former.hold):
        yield from _new_hold(move)
    for name in sorted(rejected - {*move.after.rejected}):
        problem = f"reverts to a former state, in which {name} was not rejected yet"
        yield Violation(move.at(STATE), problem, _chosen_again(move, name))
    for name in sorted({*move.after.rejected} - rejected - {*former.rejected}):
        yield Violation(move.at(STATE), f"rejects {name}, as the former state did not", move.verb(_ROLLBACK))
    yield from _brought_back(move)


def _brought_back(move: Move) -> Iterator[Violation]:
    """Find releases that get more requests, although they, their image or their artifact are rejected."""
    rejections = Rejections(move.before, past=move.past)
    for release in move.after.releases:
        name = release.name if release.name in move.after.rejected else rejections.bars_release(release)
        if name and move.brings(release.name):
            problem = f"reverts to a former state that sends requests to {release.name}, and {name} was rejected since"
            yield Violation(move.at(ROUTE), problem, _chosen_again(move, release.name))


def _chosen_again(move: Move, name: ReleaseName) -> str:
    """Return the commands by which a person chooses a rejected release again."""
    promoted = any(release.name == name and release.record.origin for release in move.past)
    again = "promote --again" if promoted else f"release --version {name.version}"
    return f"{move.verb('lift')}, then {move.verb(again)}"


def _only_hold(move: Move) -> Iterator[Violation]:
    before, after = move.before.hold, move.after.hold
    if after is None or before == after:
        return
    if before is not None:
        problem = f"replaces the hold that stands: {held(before)}"
        yield Violation(move.at(STATE), problem, f"{move.verb('lift')}, in a change of its own")
    yield from _new_hold(move)


def _new_hold(move: Move) -> Iterator[Violation]:
    """Check a hold that no rollback has made."""
    hold = move.after.hold
    yield from _told(move, "hold --reason '…'")
    if hold is not None and hold.rolled_back:
        problem = f"holds as a rollback from {hold.rolled_back} does, and rejects nothing"
        yield Violation(move.at(STATE), problem, move.verb(_ROLLBACK))


def _told(move: Move, verb: str) -> Iterator[Violation]:
    """Check that a hold says why, as verbs do."""
    if (hold := move.after.hold) is None:
        return
    if not hold.reason.strip():
        yield Violation(move.at(STATE), "holds without a reason", move.verb(verb))
    elif not (is_plain(hold.reason) and is_plain(hold.by)):
        yield Violation(move.at(STATE), "holds for a reason or by a person that is not one line", move.verb(verb))


def _held(move: Move) -> Iterator[Violation]:
    if move.before.hold is not None:
        for release in move.new:
            problem = f"comes while the model is {held(move.before.hold)}"
            fix = f"{move.verb('lift')} when the reason is gone, in a change of its own"
            yield Violation(move.record(release), problem, fix)


def _route(move: Move) -> Iterator[Violation]:
    if move.before.route and not move.after.route:
        yield Violation(move.at(ROUTE), "nothing would answer any more", "leave the route to the verbs of slipway")
    for release in move.new:
        if release.name not in move.after.route:
            problem = "is new and gets no requests, which slipway never declares"
            yield Violation(move.record(release), problem, "take its folder out of the change")


def _rejections(move: Move) -> Iterator[Violation]:
    before, after = {*move.before.rejected}, {*move.after.rejected}
    # A person may say `--again` of a release that gets requests now and got none before.
    chosen = [each for each in move.after.releases if {each.name} & {*move.after.route} - {*move.before.route}]
    rejections = Rejections(move.before, past=move.past)
    forgiven = {name for each in chosen for name in before - {*rejections.forgive(each).rejected}}
    for name in sorted(after - before):
        yield Violation(move.at(STATE), f"rejects {name} and goes back to nothing", move.verb(_ROLLBACK))
    for name in sorted(before - after - forgiven):
        problem = f"no longer rejects {name}, and nothing of that image or artifact is chosen again"
        yield Violation(move.at(STATE), problem, "leave it in; --again brings back what was rejected")
    left = Rejections(msgspec.structs.replace(move.before, rejected=tuple(sorted(before & after))), past=move.past)
    for release in move.new:
        if same := left.bars_release(release):
            kind = "image" if same.short == release.name.short else "artifact"
            problem = f"is the {kind} of {same}, which {move.after.environment} has rejected"
            again = move.verb("promote --again" if move.new[0].record.origin else "release --version N")
            yield Violation(move.record(release), problem, f"close this change; {again} brings it back all the same")


def _retention(move: Move) -> Iterator[Violation]:
    """Check that only the oldest go, beyond the retention, in a change of their own."""
    gone = [release for release in move.before.releases if not move.after.has(release.name)]
    if not gone:
        return
    where, fix = move.at(KUSTOMIZATION), "take that out of the change"
    if move.new or move.after.route != move.before.route:
        names = ", ".join(str(release.name) for release in gone)
        problem = f"drops {names} beside other changes, and a rollback would have to wait for that"
        yield Violation(where, problem, f"{fix}; releases are dropped by themselves")
        return
    whole = msgspec.structs.replace(move.after, releases=ordered([*move.after.releases, *gone]))
    kept, _ = retention.retain(whole, move.retention, move.verified)
    for release in gone:
        if kept.has(release.name):
            problem = f"{release.name} is no longer declared, and retention ({move.retention}) would keep it"
            yield Violation(where, problem, fix)


def _rollback(move: Move) -> Iterator[Violation]:
    before, after = move.before, move.after
    if after.hold is None:
        problem = "lifts the hold and changes more"
        yield Violation(move.at(STATE), problem, f"{move.verb('lift')}, in a change of its own")
        return
    target, serving = after.serving(), before.serving()
    older = target is not None and len(after.route) == 1 and serving is not None and target.age <= serving.age
    if not older and (serving is None or after.releases):
        problem = "holds the model, which only a rollback does beside other changes, and goes back to no older release"
        yield Violation(move.at(STATE), problem, move.verb(_ROLLBACK))
        return
    if serving is not None and (left := after.hold.rolled_back) != str(serving.name):
        problem = f"goes back from {serving.name}, and its hold is that of {left or 'no rollback'}"
        yield Violation(move.at(STATE), problem, move.verb(_ROLLBACK))
    yield from _told(move, _ROLLBACK)
    for path, problem in _rollback_problems(move, target):
        there = target.name if target else NOTHING
        yield Violation(move.at(path), f"goes back to {there} and {problem}", move.verb(_ROLLBACK))


def _rollback_problems(move: Move, target: Release | None) -> Iterator[tuple[str, str]]:
    newer = {release.name for release in move.past if target is None or release.age > target.age}
    for release in move.after.releases:
        if release.name in newer:
            yield KUSTOMIZATION, f"keeps {release.name}, which is newer"
        elif release != target and not move.before.has(release.name):
            yield KUSTOMIZATION, f"declares {release.name} beside it"
    expected = ({*move.before.rejected} - {target.name if target else None}) | newer
    for name in sorted(expected ^ {*move.after.rejected}):
        yield STATE, f"{'does not reject' if name in expected else 'rejects'} {name}"
    for release in move.before.releases:
        if release.name not in newer and not move.after.has(release.name):
            yield KUSTOMIZATION, f"drops {release.name}, which is not newer"
