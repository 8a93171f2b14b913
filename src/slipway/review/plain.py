"""The body of a pull request that shares out requests, goes back, holds or lifts."""

from typing import TYPE_CHECKING

from slipway.release import declare
from slipway.review import differences
from slipway.review.markdown import Section, code, details, fence, fitted, table
from slipway.review.undo import sides, undo

if TYPE_CHECKING:
    from slipway.overlays.overlay_types import Overlay
    from slipway.release.edits import Edited
    from slipway.settings import Settings

__all__ = ["plain"]

_MOST = 60_000


def plain(settings: "Settings", done: "Edited") -> str:
    """The body for a change of one overlay that brings no release with it; under 60,000 characters.

    Starts with `<!-- slipway: change prod/iris -->`. Raises `SlipwayError` when nothing was changed.
    """
    before, after = sides(done)
    settings.environment(after.environment)
    sections = [
        Section((f"<!-- slipway: change {after.environment}/{after.model} -->",)),
        Section((_said(done.message),)),
        Section((_overview(before, after),)),
        _diff(before, after),
        Section((undo(before, after),)),
    ]
    return fitted(sections, _MOST - 1)


def _said(message: str) -> str:
    """The commit's message: what is done in bold, and below it why, a fact a line."""
    subject, *facts = [line for line in message.splitlines() if line.strip()][:30] or [""]
    lines = [f"**{code(subject, 200)}**", ""]
    for fact in facts:
        name, mark, value = fact.partition(": ")
        lines.append(f"- {code(name, 40)}: {code(value, 500)}" if mark else f"- {code(fact, 500)}")
    return "\n".join(lines)


def _overview(before: "Overlay", after: "Overlay") -> str:
    rows = [
        ["requests", code(declare.shown(before.route), 300), code(declare.shown(after.route), 300)],
        ["held", _held(before), _held(after)],
        ["rejected", _rejected(before), _rejected(after)],
    ]
    return table([f"{after.environment}/{after.model}", "now", "after the merge"], rows)


def _held(overlay: "Overlay") -> str:
    hold = overlay.hold
    return f"{code(hold.reason, 300)}, by {code(hold.by)} since {code(hold.since, 40)}" if hold else "no"


def _rejected(overlay: "Overlay") -> str:
    return code(", ".join(map(str, overlay.rejected)), 300) if overlay.rejected else "nothing"


def _diff(before: "Overlay", after: "Overlay") -> Section:
    diff = differences.overlay(before, after)
    summary = f"What git gets in <code>overlays/{after.environment}/{after.model}</code>"
    forms = [details(summary, fence(diff, "diff", most)) for most in (1500, 400, 100, 20)]
    return Section((*forms, f"{summary}: left out, it is too long."))
