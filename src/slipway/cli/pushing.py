"""`--push`: bring a change to the remote, by a pull request where an environment takes promotions."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from slipway.cli.console import say
from slipway.errors import SlipwayError
from slipway.text import one_line

if TYPE_CHECKING:
    from slipway.git import Repository
    from slipway.gitops.branches import Place
    from slipway.gitops.edits import Edited
    from slipway.settings import Settings


def release_place(settings: Settings, *, push: bool, code: bool = False) -> Place:
    """Return the place that releases are committed to; with `code`, they are of the commit that is checked out."""
    from slipway.git import Repository
    from slipway.gitops.branches import Here, Pushed, of_code

    repository = Repository(settings.root)
    if not push:
        return Here(repository)
    return Pushed(repository, settings.branch, code=of_code(repository) if code else None)


def decision_place(settings: Settings, environment: str, model: str, args: argparse.Namespace) -> Place:
    """Return the place that a person's decision is committed to.

    The settings on the remote's branch decide about the pull request: those of this clone may be older.
    """
    from slipway.git import Repository
    from slipway.gitops.branches import Apart, Here, Proposed
    from slipway.gitops.snapshot import Snapshot

    repository = Repository(settings.root)
    if not args.push:
        return Here(repository)
    pushed = Apart(repository, settings.branch)
    if Snapshot(repository, pushed.stand().commit).settings.environment(environment).promotes_from is None:
        return pushed
    if args.emergency:
        _check_maintainer(repository)
        return pushed
    return Proposed(pushed, f"{args.verb}/{environment}/{model}")


def _check_maintainer(repository: Repository) -> None:
    """Raise `SlipwayError` where a person who started this run of a pipeline may not leave the review out."""
    from slipway.github import api, runs

    for actor in sorted(runs.actors()):
        role = api.connect(repository).role(actor)
        if role not in ("admin", "maintain"):
            raise SlipwayError(
                f"{actor} may not commit to this environment without a pull request: the role {role} is not enough",
                fix="run it without --emergency, or ask a maintainer of the repository",
            )


def finish(where: Place, done: Edited, body: Callable[[], str]) -> None:
    """Print the result; open the pull request of a proposed change, or bring the open one up to date."""
    from slipway.github import api, runs
    from slipway.gitops.branches import Proposed, Pushed

    for line in done.lines:
        say(line)
    say(f"committed {done.commit[:12]}, {where}" if done.commit else "nothing to commit")
    if not done.message or not isinstance(where, Proposed) or not isinstance(where.base, Pushed):
        return
    title = done.message.splitlines()[0]
    pull = api.connect(where.repository).propose(where.branch, where.base.branch, title, body())
    say(f"pull request {pull.url}")
    runs.summary(f"### [{title}]({pull.url})\n")


def drop(environment: str, models: Sequence[str], where: Place) -> None:
    """Drop the releases of these models that their retention keeps no longer, and print them."""
    from slipway.release import retention

    if not models:
        return
    done = retention.drop(environment, models, where)
    for line in done.lines:
        say(one_line(line))
    if done.commit:
        say(f"committed {done.commit[:12]} on {where}")
