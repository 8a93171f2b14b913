"""Pull requests of verbs that change nothing any more, because somebody was quicker: they are closed."""

from typing import TYPE_CHECKING

from slipway.cli.output import one_line, say
from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from slipway.forge.github import GitHub
    from slipway.release.place import Pushed
    from slipway.settings import Settings

__all__ = ["close"]

_BRANCHES = ("hold/", "lift/", "promote/", "rollback/", "traffic/")
_MARKER = "<!-- slipway: overtaken -->"


def close(settings: "Settings", base: "Pushed", hub: "GitHub") -> None:
    """Close those whose overlays `base` has already as they propose them; one where that fails stops no other."""
    for pull in hub.open_from(*_BRANCHES):
        try:
            if pull.base == base.branch and _changes_nothing(settings, base, pull.branch):
                hub.close(pull.number)
                say(f"{pull.url} changes nothing any more, and is closed")
                why = f"It changes nothing any more: {base.branch} has all of it."
                hub.comment(pull.number, _MARKER, f"{_MARKER}\n{why}")
        except SlipwayError as error:
            say(f"{pull.url}: {one_line(str(error))}")


def _changes_nothing(settings: "Settings", base: "Pushed", branch: str) -> bool:
    """Whether a merge would leave every overlay as it is; what touches anything else is not ours to judge."""
    from slipway.release.building import overlays_only
    from slipway.review import claims

    repository = base.repository
    tip, head = base.remote.fetch(base.branch), base.remote.fetch(branch)
    commits = claims.compared(repository, settings, tip, head)
    found = claims.claims(repository, commits)
    return overlays_only(repository, commits.fork, head) and all(claim.before == claim.after for claim in found)
