"""`slipway check` and `diff`: what a change of overlays claims, and what it would make of what runs."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

from slipway.cli.output import say

if TYPE_CHECKING:
    from slipway.settings import Settings

__all__ = ["add"]

_COMMIT = re.compile("[0-9a-f]{40}")
_NOTHING = "Nothing that runs changes by this."


def add(verbs: Any) -> None:
    """Add the verbs of this topic."""
    check = verbs.add_parser("check", help="hold a change of overlays to what it claims, as its pull request requires")
    _commits(check)
    check.set_defaults(run=_check)

    diff = verbs.add_parser("diff", help="show what a change makes of the rendered manifests, and what follows from it")
    _commits(diff)
    diff.add_argument(
        "--format", choices=["text", "markdown"], default="text", help="markdown is for a comment (default: text)"
    )
    diff.add_argument(
        "--comment", action="store_true", help="also comment on the pull request that this GitHub workflow checks"
    )
    diff.set_defaults(run=_diff)


def _commits(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--base", metavar="REV", help="what it is to be merged into (default: the branch of the remote)")
    verb.add_argument("--head", metavar="REV", help="the change's last commit (default: HEAD)")


def _check(args: argparse.Namespace) -> int:
    from slipway import settings as settings_file
    from slipway.github import runs
    from slipway.github.runs import fork
    from slipway.review.check import check

    settings = settings_file.load(args.root)
    _bring(settings, args.head)
    done = check(settings, base=args.base, head=args.head, fork=fork())
    for line in done.lines:
        say(line)
    for violation in done.violations:
        say(f"✗ {violation}")
        runs.annotate("error", str(violation))
    if done.violations:
        say(f"{len(done.violations)} of what this change claims does not hold")
        return 1
    say("all that it claims holds" if done.lines else "nothing of overlays changes")
    return 0


def _diff(args: argparse.Namespace) -> int:
    from slipway import settings as settings_file
    from slipway.review import rendered

    settings = settings_file.load(args.root)
    _bring(settings, args.head)
    found = rendered.diff(settings, base=args.base, head=args.head)
    text = rendered.markdown(found) if args.format == "markdown" else rendered.text(found)
    if text:
        say(text.rstrip("\n"))
    if args.comment:
        _comment(rendered.markdown(found))
    return 0


def _bring(settings: Settings, head: str | None) -> None:
    """A pipeline that judges a pull request by the base's code has not got its commits yet."""
    from slipway.git import Repository
    from slipway.git.remote import Remote

    repository = Repository(settings.root)
    if head is not None and _COMMIT.fullmatch(head) and repository.commit_at(head) is None:
        Remote(repository).bring(head)


def _comment(text: str) -> None:
    """Where reviewers look; a pull request from a fork may not be written to, so only its run tells."""
    from slipway.github import api, runs
    from slipway.github.runs import fork, number
    from slipway.review.rendered import MARKER

    runs.summary(text or _NOTHING)
    if fork():
        return
    if text:
        api.connect().comment(number(), MARKER, text)
    else:
        api.connect().recomment(number(), MARKER, _NOTHING)
