"""`slipway traffic`, `rollback`, `hold` and `lift`: what a person decides about what runs."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

from slipway.cli import pushing
from slipway.cli.arguments import pairs
from slipway.cli.output import say
from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.gitops.edits import Edited
    from slipway.gitops.places import Place
    from slipway.settings import Settings

__all__ = ["add"]


def add(verbs: Any) -> None:
    """Add the verbs of this topic."""
    traffic = verbs.add_parser("traffic", help="share the requests out among releases")
    _where(traffic)
    traffic.add_argument("shares", nargs="+", metavar="RELEASE=PERCENT", help="v6=90 v7=10; 100 in all")
    traffic.set_defaults(run=_traffic)

    rollback = verbs.add_parser("rollback", help="go back to an older release, reject the newer, hold the model")
    _where(rollback)
    rollback.add_argument("--to", metavar="RELEASE", help="default: the newest older one that was verified")
    rollback.add_argument("--reason", required=True, metavar="TEXT")
    rollback.set_defaults(run=_rollback)

    hold = verbs.add_parser("hold", help="stop releases and promotions of a model, until it is lifted")
    _where(hold)
    hold.add_argument("--reason", required=True, metavar="TEXT")
    hold.set_defaults(run=_hold)

    lift = verbs.add_parser("lift", help="end a hold; what was rejected does not come back by that")
    _where(lift)
    lift.set_defaults(run=_lift)


def _where(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("model")
    verb.add_argument("--env", required=True, help="the environment")
    pushing.add_emergency(verb)


def _traffic(args: argparse.Namespace) -> int:
    from slipway.release.routes import traffic

    shares = {name: _percent(name, text) for name, text in pairs(args.shares, "the share").items()}
    return _run("traffic", args, lambda settings, place: traffic(settings, args.model, args.env, shares, place))


def _percent(name: str, text: str) -> int:
    if not re.fullmatch("[0-9]{1,3}", text):
        raise SlipwayError(f"{name}={text[:20]} is no share of the requests", fix="write whole percent: v6=90 v7=10")
    return int(text)


def _rollback(args: argparse.Namespace) -> int:
    from slipway.release.routes import rollback

    wish = {"reason": args.reason, "to": args.to or None}
    return _run("rollback", args, lambda settings, place: rollback(settings, args.model, args.env, place=place, **wish))


def _hold(args: argparse.Namespace) -> int:
    from slipway.release.routes import hold

    return _run(
        "hold", args, lambda settings, place: hold(settings, args.model, args.env, reason=args.reason, place=place)
    )


def _lift(args: argparse.Namespace) -> int:
    from slipway.release.routes import lift

    return _run("lift", args, lambda settings, place: lift(settings, args.model, args.env, place))


def _run(verb: str, args: argparse.Namespace, change: Callable[[Settings, Place], Edited]) -> int:
    from slipway import settings as settings_file
    from slipway.review import change_body

    settings = settings_file.load(args.root)
    where = pushing.place(settings, args.env, f"{verb}/{args.env}/{args.model}", args)
    done = change(settings, where)
    for line in done.lines:
        say(line)
    say(f"committed {done.commit[:12]}, {where}" if done.commit else "nothing to commit")
    pushing.propose(settings, where, done, lambda: change_body.body(done))
    return 0
