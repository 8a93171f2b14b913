"""Whether the route, the hold, the rejected and the declared releases change as the verbs of slipway change them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from slipway.overlays.overlay import KUSTOMIZATION, RECORD, ROUTE, STATE
from slipway.overlays.types import folder_of, ordered
from slipway.release import retention
from slipway.release.due import held
from slipway.release.rejections import Rejections
from slipway.review.claims import Violation

if TYPE_CHECKING:
    from slipway.names import ReleaseName
    from slipway.overlays.types import Overlay, Release

__all__ = ["Move", "violations"]


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
        """Releases that were not declared before, the oldest first."""
        return [release for release in reversed(self.after.releases) if not self.before.has(release.name)]

    def at(self, path: str) -> str:
        """The path of a file of the overlay."""
        return f"{folder_of(self.after.environment, self.after.model)}/{path}"

    def verb(self, words: str) -> str:
        """A command about this overlay."""
        verb, _, rest = words.partition(" ")
        place = "--to" if verb == "promote" else "--env"
        return f"slipway {verb} {self.after.model} {place} {self.after.environment} {rest}".rstrip()


def violations(move: Move) -> Iterator[Violation]:
    """What no verb does, of a change whose files are what slipway writes."""
    if msgspec.structs.replace(move.after, hold=move.before.hold) == move.before:
        yield from _hold_alone(move)
    elif move.after.hold != move.before.hold:
        yield from _rolled_back(move)
    else:
        yield from _shared_out(move)
    for name in sorted({*move.after.route} & {*move.after.rejected}):
        yield Violation(move.at(ROUTE), f"sends requests to {name}, which is rejected", move.verb("traffic …"))


def _hold_alone(move: Move) -> Iterator[Violation]:
    before, after = move.before.hold, move.after.hold
    if before is not None and after is not None and before != after:
        problem = f"replaces the hold that stands: {held(before)}"
        yield Violation(move.at(STATE), problem, f"{move.verb('lift')}, in a change of its own")
    if after is not None and before != after and not after.reason.strip():
        yield Violation(move.at(STATE), "holds without a reason", move.verb("hold --reason '…'"))


def _shared_out(move: Move) -> Iterator[Violation]:
    """Of a promotion, a release, or a share of the requests."""
    yield from _held(move)
    yield from _route(move)
    yield from _rejections(move)
    yield from _retention(move)


def _held(move: Move) -> Iterator[Violation]:
    if move.before.hold is not None:
        for release in move.new:
            problem = f"comes while the model is {held(move.before.hold)}"
            fix = f"{move.verb('lift')} when the reason is gone, in a change of its own"
            yield Violation(move.at(f"{release.name}/{RECORD}"), problem, fix)


def _route(move: Move) -> Iterator[Violation]:
    if move.before.route and not move.after.route:
        yield Violation(move.at(ROUTE), "nothing would answer any more", "leave the route to the verbs of slipway")
    for release in move.new:
        if release.name not in move.after.route:
            problem = "is new and gets no requests, which slipway never declares"
            yield Violation(move.at(f"{release.name}/{RECORD}"), problem, "take its folder out of the change")


def _rejections(move: Move) -> Iterator[Violation]:
    before, after = {*move.before.rejected}, {*move.after.rejected}
    # What gets requests now and got none before: of these a person may say `--again`.
    chosen = [each for each in move.after.releases if {each.name} & {*move.after.route} - {*move.before.route}]
    rejections = Rejections(move.before, past=move.past)
    forgiven = {name for each in chosen for name in before - {*rejections.forgive(each).rejected}}
    for name in sorted(after - before):
        problem, fix = f"rejects {name} and goes back to nothing", move.verb("rollback --reason '…'")
        yield Violation(move.at(STATE), problem, fix)
    for name in sorted(before - after - forgiven):
        problem = f"no longer rejects {name}, and nothing of that image or artifact is chosen again"
        yield Violation(move.at(STATE), problem, "leave it in; --again brings back what was rejected")
    left = Rejections(msgspec.structs.replace(move.before, rejected=tuple(sorted(before & after))), past=move.past)
    for release in move.new:
        if same := left.bars_release(release):
            kind = "image" if same.short == release.name.short else "artifact"
            problem = f"is the {kind} of {same}, which {move.after.environment} has rejected"
            yield Violation(move.at(f"{release.name}/{RECORD}"), problem, _again(move))


def _again(move: Move) -> str:
    words = "promote --again" if move.new[0].record.origin else "release --version N"
    return f"close this change; {move.verb(words)} brings it back all the same"


def _retention(move: Move) -> Iterator[Violation]:
    """Only the oldest go, beyond what is retained, in a change of their own, and not while a rollback may need them."""
    gone = [release for release in move.before.releases if not move.after.has(release.name)]
    if not gone:
        return
    if move.new or move.after.route != move.before.route:
        names = ", ".join(str(release.name) for release in gone)
        problem = f"drops {names} beside other changes, and a rollback would have to wait for that"
        yield Violation(
            move.at(KUSTOMIZATION), problem, "take that out of the change; releases are dropped by themselves"
        )
        return
    whole = msgspec.structs.replace(move.after, releases=ordered([*move.after.releases, *gone]))
    kept, _ = retention.retain(whole, move.retention, move.verified)
    for release in gone:
        if kept.has(release.name):
            problem = f"{release.name} is no longer declared, and retention ({move.retention}) would keep it"
            yield Violation(move.at(KUSTOMIZATION), problem, "take that out of the change")


def _rolled_back(move: Move) -> Iterator[Violation]:
    before, after = move.before, move.after
    if after.hold is None:
        problem = "lifts the hold and changes more"
        yield Violation(move.at(STATE), problem, f"{move.verb('lift')}, in a change of its own")
        return
    target = after.serving()
    serving = before.serving()
    if target is None or len(after.route) != 1 or serving is None or target.age > serving.age:
        problem = "holds the model, which only a rollback does beside other changes, and goes back to no older release"
        yield Violation(move.at(STATE), problem, move.verb("rollback --reason '…'"))
        return
    yield from _target_of_rollback(move, target)


def _target_of_rollback(move: Move, target: Release) -> Iterator[Violation]:
    newer = {release.name for release in move.past if release.age > target.age}
    for release in move.after.releases:
        if release.name in newer:
            problem = f"goes back to {target.name} and keeps {release.name}, which is newer"
            yield Violation(move.at(KUSTOMIZATION), problem, move.verb("rollback --reason '…'"))
        elif release != target and not move.before.has(release.name):
            problem = f"goes back to {target.name} and declares {release.name} beside it"
            yield Violation(move.at(KUSTOMIZATION), problem, move.verb("rollback --reason '…'"))
    expected = ({*move.before.rejected} - {target.name}) | newer
    for name in sorted(expected ^ {*move.after.rejected}):
        word = "does not reject" if name in expected else "rejects"
        problem = f"goes back to {target.name} and {word} {name}"
        yield Violation(move.at(STATE), problem, move.verb("rollback --reason '…'"))
    for release in move.before.releases:
        if release.age <= target.age and not move.after.has(release.name):
            problem = f"goes back to {target.name} and drops {release.name}, which is not newer"
            yield Violation(move.at(KUSTOMIZATION), problem, move.verb("rollback --reason '…'"))
