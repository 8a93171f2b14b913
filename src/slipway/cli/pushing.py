"""`--push`: a change goes to the remote, and for an environment that takes promotions into a pull request."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from slipway.cli.output import say
from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.git import Repository
    from slipway.gitops.edits import Edited
    from slipway.gitops.places import Place
    from slipway.settings import Settings

__all__ = ["add", "add_emergency", "place", "propose", "release_place"]


def add(verb: argparse.ArgumentParser) -> None:
    """Add the option to a verb."""
    verb.add_argument(
        "--push", action="store_true", help="commit on the remote's branch; where promotions go, by a pull request"
    )


def add_emergency(verb: argparse.ArgumentParser) -> None:
    """Add the option that leaves the pull request out, and `--push`."""
    add(verb)
    verb.add_argument(
        "--emergency", action="store_true", help="with --push: commit without a pull request (README.md says who may)"
    )


def release_place(settings: Settings, *, push: bool, code: bool = False) -> Place:
    """Where releases go; with `code`, those of just the commit that is checked out."""
    from slipway.git import Repository
    from slipway.gitops.places import Here, Pushed, of_code

    repository = Repository(settings.root)
    if not push:
        return Here(repository)
    return Pushed(repository, settings.branch, code=of_code(repository) if code else None)


def place(settings: Settings, environment: str, branch: str, args: argparse.Namespace) -> Place:
    """Where a person's change of what is declared goes; `branch` is what a proposal of it is called.

    Whether it takes a pull request is for the branch that gets it to say, whatever an older clone knows.
    """
    from slipway.git import Repository
    from slipway.gitops.edits import settings_at
    from slipway.gitops.places import Apart, Here, Proposed

    repository = Repository(settings.root)
    if not args.push:
        return Here(repository)
    pushed = Apart(repository, settings.branch)
    if settings_at(repository, pushed.stand().commit).environment(environment).promotes_from is None:
        return pushed
    if args.emergency:
        _check_maintainer(repository)
        return pushed
    return Proposed(pushed, branch)


def _check_maintainer(repository: Repository) -> None:
    """A pipeline commits for whoever started it: raise `SlipwayError` for somebody who may not leave a review out."""
    from slipway.github import api, runs

    for actor in sorted(runs.actors()):
        role = api.connect(repository).role(actor)
        if role not in ("admin", "maintain"):
            raise SlipwayError(
                f"{actor} may not commit to this environment without a pull request: the role {role} is not enough",
                fix="run it without --emergency, or ask a maintainer of the repository",
            )


def propose(settings: Settings, where: Place, done: Edited, body: Callable[[], str]) -> None:
    """Open the pull request of what was proposed on the remote, or bring the open one up to date."""
    from slipway.git import Repository
    from slipway.github import api, runs
    from slipway.gitops.places import Proposed, Pushed

    if not done.message or not isinstance(where, Proposed) or not isinstance(where.base, Pushed):
        return
    title = done.message.splitlines()[0]
    pull = api.connect(Repository(settings.root)).propose(where.branch, where.base.branch, title, body())
    say(f"pull request {pull.url}")
    runs.summary(f"### [{title}]({pull.url})\n")
