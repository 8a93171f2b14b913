"""`slipway check` and `diff`: what a change of overlays claims, and what it would make of what runs."""

import argparse
from typing import Any

from slipway.cli.output import say

__all__ = ["add"]

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
    from slipway.forge import run
    from slipway.forge.fork import fork
    from slipway.review.check import check

    done = check(settings_file.load(args.root), base=args.base, head=args.head, fork=fork())
    for line in done.lines:
        say(line)
    for violation in done.violations:
        say(f"✗ {violation}")
        run.annotate("error", str(violation))
    if done.violations:
        say(f"{len(done.violations)} of what this change claims does not hold")
        return 1
    say("all that it claims holds" if done.lines else "nothing of overlays changes")
    return 0


def _diff(args: argparse.Namespace) -> int:
    from slipway import settings as settings_file
    from slipway.review import rendered

    found = rendered.diff(settings_file.load(args.root), base=args.base, head=args.head)
    text = rendered.markdown(found) if args.format == "markdown" else rendered.text(found)
    if text:
        say(text.rstrip("\n"))
    if args.comment:
        _comment(rendered.markdown(found))
    return 0


def _comment(text: str) -> None:
    """Where reviewers look; a pull request from a fork may not be written to, so only its run tells."""
    from slipway.forge import github, run
    from slipway.forge.fork import fork, number
    from slipway.review.rendered import MARKER

    run.summary(text or _NOTHING)
    if fork():
        return
    if text:
        github.connect().comment(number(), MARKER, text)
    else:
        github.connect().recomment(number(), MARKER, _NOTHING)
