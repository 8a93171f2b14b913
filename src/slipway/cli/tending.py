"""Open pull requests after a change of overlays: some change nothing any more, and of some the check is stale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.cli.console import say
from slipway.errors import SlipwayError
from slipway.text import one_line

if TYPE_CHECKING:
    from slipway.git import Repository
    from slipway.github.api import GitHub, Pull
    from slipway.gitops.branches import Pushed
    from slipway.review.changes import Merge
    from slipway.settings import Settings

_OVERTAKEN = "<!-- slipway: overtaken -->"
_OURS = ("hold/", "lift/", "promote/", "rollback/", "traffic/")


def tend(settings: Settings, base: Pushed, hub: GitHub) -> bool:
    """Close the pull requests of verbs whose overlays `base` has already, and have stale ones checked anew.

    An error stops no other one. Return False if a check that has passed may stand though the overlay has changed.
    """
    from slipway.review import changes

    whole, tip = True, base.remote.fetch(base.branch)
    for pull in hub.open():
        if pull.base != base.branch:
            continue
        try:
            base.remote.bring(pull.head)
            ours = pull.branch.startswith(_OURS)
            if not ours and _keeps_overlays(base.repository, tip, pull.head):
                continue
            found = changes.merge(base.repository, settings, tip, pull.head)
            if ours and _changes_nothing(base.repository, found):
                _close(hub, pull)
            elif stale := next(changes.stale(base.repository, found), ""):
                whole = _checked_anew(hub, pull, stale) and whole
        except SlipwayError as error:
            say(f"{pull.url}: {one_line(str(error))}")
    return whole


def _changes_nothing(repository: Repository, found: Merge) -> bool:
    """Return True if a merge would leave all as it is."""
    return not found.conflicts and not repository.changed(found.tip, found.tree)


def _close(hub: GitHub, pull: Pull) -> None:
    hub.close(pull.number)
    say(f"{pull.url} changes nothing any more, and is closed")
    why = f"It changes nothing any more: {pull.base} has the same overlays."
    hub.comment(pull.number, _OVERTAKEN, f"{_OVERTAKEN}\n{why}")


def _keeps_overlays(repository: Repository, tip: str, head: str) -> bool:
    """Return True if a pull request has the overlays of where it began, as most have: no merge is needed to know."""
    from slipway.review.changes import OVERLAYS

    forks = repository.forks(tip, head)
    names = [f"{commit}:{OVERLAYS.rstrip('/')}" for commit in (*forks, head)]
    return len(forks) == 1 and len({each.id if each else "" for each in repository.objects(names).values()}) == 1


def _checked_anew(hub: GitHub, pull: Pull, stale: str) -> bool:
    """Merge the base branch into a pull request, so that its check runs again; return False if that is refused."""
    from slipway.github.failures import Refused

    try:
        hub.update(pull.number, pull.head)
    except Refused as error:
        if error.status == 422:  # it conflicts, so nobody can merge it; or it has moved meanwhile, and is checked
            say(f"{pull.url} waits for its author: {one_line(error.problem)}")
            return True
        say(f"{pull.url} may be merged by a check of {stale} as it was: {one_line(str(error))}")
        return False
    say(f"{pull.url} is checked anew: {stale} has changed on {pull.base}")
    return True
