"""How to undo a change of what runs: the words that every pull request ends with."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from slipway.errors import SlipwayError
from slipway.names import ReleaseName
from slipway.review.markdown import code

if TYPE_CHECKING:
    from slipway.overlays.overlay_types import Overlay
    from slipway.release.edits import Edited

__all__ = ["sides", "undo"]


def sides(done: "Edited") -> "tuple[Overlay, Overlay]":
    """The overlay before and after a change; raises `SlipwayError` when nothing was changed."""
    if done.before is None or done.after is None:
        raise SlipwayError("nothing was changed, so there is nothing to say of it", fix="; ".join(done.lines))
    return done.before, done.after


def undo(before: "Overlay", after: "Overlay") -> str:
    """The ways back from `after`, the nearest first; from what runs for the first time there is one."""
    ways = _ways(before, after)
    # What was rejected comes back by a person's decision alone, and no revert is one.
    if {*after.rejected} <= {*before.rejected}:
        ways.append(f"`git revert COMMIT` (of a merge commit `git revert -m 1 COMMIT`) and push: {_reverted(before)}.")
    lead = "Until it is merged nothing of it runs: close the pull request. After the merge, any of these:"
    return "\n".join(["### How to undo it", "", lead, "", *(f"- {way}" for way in ways)])


def _ways(before: "Overlay", after: "Overlay") -> list[str]:
    def verb(name: str, more: str = "") -> str:
        return f"`slipway {name} {after.model} --env {after.environment}{more} --push --emergency`"

    rejected = [name for name in after.rejected if name not in before.rejected]
    if rejected:
        again = f"`slipway promote {after.model} --to {after.environment} --again --push`"
        return [f"{verb('lift')}, then {again}, which takes what was rejected all the same."]
    new = max((name for name in after.route if not before.has(name)), default=None)
    if new is not None and before.route:
        return _back(verb("rollback", " --reason '…'"), new, after)
    if after.hold != before.hold:
        again = verb("hold", " --reason '…'")
        return [f"{verb('lift')} ends the hold." if after.hold else f"{again} holds it again."]
    if after.route != before.route and before.route:
        return [f"{verb('traffic', f' {_shares(before.route)}')} shares the requests out as before."]
    return []


def _back(command: str, new: ReleaseName, after: "Overlay") -> list[str]:
    return [
        f"{command}: one commit back to the newest older release that was verified; {code(new)} is rejected, and the"
        " model is held until `slipway lift`.",
        "The workflow `rollback` does the same: Actions → rollback → Run workflow, with"
        f" {code(after.model)} and {code(after.environment)}.",
    ]


def _shares(route: Mapping[ReleaseName, int]) -> str:
    return " ".join(f"v{name.version}={percent}" for name, percent in sorted(route.items(), reverse=True))


def _reverted(before: "Overlay") -> str:
    if not before.route:
        return "then nothing of the model runs here, as now"
    names = ", ".join(f"{name} {percent} %" for name, percent in sorted(before.route.items(), reverse=True))
    return f"then it is {code(names, 200)} again, held and rejected as before"
