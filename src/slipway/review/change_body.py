"""The body of a pull request that changes the shares of requests, rolls back, holds or lifts."""

from __future__ import annotations

from slipway.errors import SlipwayError
from slipway.github.markdown import Section, code, fitted, folded, table
from slipway.gitops import release_folder
from slipway.gitops.edits import Edited
from slipway.overlays import overlay as overlays
from slipway.overlays.types import Hold, Overlay
from slipway.text import unified

MOST = 60_000
"""Characters that a body stays under; GitHub takes a few more."""


def body(done: Edited) -> str:
    """Return the body for a change of one overlay that brings no release; it is shorter than `MOST`.

    It begins with `<!-- slipway: change prod/iris -->`. Raise `SlipwayError` when nothing was changed.
    """
    before, after = sides(done)
    summary = f"What git gets in <code>overlays/{after.environment}/{after.model}</code>"
    sections = [
        Section((f"<!-- slipway: change {after.environment}/{after.model} -->",)),
        Section((_message(done.message),)),
        Section((_overview(before, after),)),
        folded(summary, diff(before, after)),
        Section((undo(before, after),)),
    ]
    return fitted(sections, MOST - 1)


def sides(done: Edited) -> tuple[Overlay, Overlay]:
    """Return the overlay before and after a change; raise `SlipwayError` when nothing was changed."""
    if done.before is None or done.after is None:
        raise SlipwayError("nothing was changed, so there is nothing to say of it", fix="; ".join(done.lines))
    return done.before, done.after


def held(hold: Hold) -> str:
    """Return who holds a model, and since when."""
    return f"by {code(hold.by)} since {code(hold.since, 40)}"


def diff(before: Overlay, after: Overlay) -> str:
    """Return the unified diff of an overlay's files; a release that comes or goes shows only its record."""
    known = [{str(release.name) for release in side.releases} for side in (before, after)]
    new_and_gone = known[0] ^ known[1]
    files = [overlays.format(side) if side.releases or side.hold or side.rejected else {} for side in (before, after)]
    old, new = (
        {
            path: content
            for path, content in side.items()
            if path.split("/")[0] not in new_and_gone or path.endswith(overlays.RECORD)
        }
        for side in files
    )
    return unified(old, new)


def undo(before: Overlay, after: Overlay) -> str:
    """Return the section on the ways back from `after`, the nearest way first."""
    ways = _ways(before, after)
    # A person decides that a rejected release comes back; a revert is no such decision.
    if {*after.rejected} <= {*before.rejected}:
        state = f"it is {code(release_folder.shown(before.route), 200)} again, held and rejected as before"
        back = state if before.route else "nothing of the model runs here, as now"
        ways.append(f"`git revert COMMIT` (of a merge commit `git revert -m 1 COMMIT`) and push: then {back}.")
    lead = "Until it is merged nothing of it runs: close the pull request. After the merge, any of these:"
    return "\n".join(["### How to undo it", "", lead, "", *(f"- {way}" for way in ways)])


def _message(message: str) -> str:
    """Return the commit's message: its subject in bold, and below it a fact a line."""
    subject, *facts = [line for line in message.splitlines() if line.strip()][:30] or [""]
    lines = [f"**{code(subject, 200)}**", ""]
    for fact in facts:
        name, mark, value = fact.partition(": ")
        lines.append(f"- {code(name, 40)}: {code(value, 500)}" if mark else f"- {code(fact, 500)}")
    return "\n".join(lines)


def _overview(before: Overlay, after: Overlay) -> str:
    rows = zip(("requests", "held", "rejected"), _state(before), _state(after), strict=True)
    return table([f"{after.environment}/{after.model}", "now", "after the merge"], rows)


def _state(overlay: Overlay) -> tuple[str, str, str]:
    hold = overlay.hold
    return (
        code(release_folder.shown(overlay.route), 300),
        f"{code(hold.reason, 300)}, {held(hold)}" if hold else "no",
        code(", ".join(map(str, overlay.rejected)), 300) if overlay.rejected else "nothing",
    )


def _ways(before: Overlay, after: Overlay) -> list[str]:
    def verb(name: str, more: str = "") -> str:
        return f"`slipway {name} {after.model} --env {after.environment}{more} --push --emergency`"

    if {*after.rejected} - {*before.rejected}:
        again = f"`slipway promote {after.model} --to {after.environment} --again --push`"
        return [f"{verb('lift')}, then {again}, which takes what was rejected all the same."]
    new = max((name for name in after.route if not before.has(name)), default=None)
    if new is not None and before.route:
        command = verb("rollback", " --reason '…'")
        return [
            f"{command}: one commit back to the newest older release that was verified;"
            f" {code(new)} is rejected, and the model is held until `slipway lift`.",
            "The workflow `rollback` does the same: Actions → rollback → Run workflow, with"
            f" {code(after.model)} and {code(after.environment)}.",
        ]
    if after.hold != before.hold:
        again = verb("hold", " --reason '…'")
        return [f"{verb('lift')} ends the hold." if after.hold else f"{again} holds it again."]
    if after.route != before.route and before.route:
        shares = " ".join(f"v{name.version}={percent}" for name, percent in sorted(before.route.items(), reverse=True))
        return [f"{verb('traffic', f' {shares}')} shares the requests out as before."]
    return []
