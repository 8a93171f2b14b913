"""`slipway traffic`, `rollback`, `hold` and `lift`: decisions of a person about releases."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from slipway.cli import pushing
from slipway.cli.parsing import Group, Parser, settings_of
from slipway.errors import SlipwayError
from slipway.text import pairs

if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.gitops.branches import Place
    from slipway.gitops.edits import Edited
    from slipway.settings import Settings

__all__ = ["add"]


def add(group: Group) -> None:
    examples = ["slipway traffic wine --env test v6=90 v7=10", "slipway traffic wine --env prod --push v3=100"]
    traffic = group.add("traffic", _traffic, "share the requests out among releases", examples)
    _decision_options(traffic)
    traffic.add_argument("shares", nargs="+", metavar="RELEASE=PERCENT", help="v6=90 v7=10; 100 in all")

    example = "slipway rollback wine --env prod --push --reason 'wrong for white wine'"
    examples = [example, "slipway rollback wine --env test --to v5-0a1b2c3d --reason 'too slow'"]
    rollback = group.add("rollback", _rollback, "go back to a release, reject the newer, hold the model", examples)
    _decision_options(rollback)
    rollback.add_argument("--to", metavar="RELEASE", help="default: the newest older one that is verified")
    _reason(rollback)

    examples = ["slipway hold wine --env test --reason 'audit'", "slipway hold wine --env prod --push --reason 'audit'"]
    hold = group.add("hold", _hold, "stop releases and promotions of a model, until you lift it", examples)
    _decision_options(hold)
    _reason(hold)

    examples = ["slipway lift wine --env test", "slipway lift wine --env prod --push"]
    lift = group.add("lift", _lift, "end a hold; a rejected release stays rejected", examples)
    _decision_options(lift)


def _decision_options(verb: Parser) -> None:
    verb.add_argument("model")
    verb.add_argument("--env", required=True, help="the environment")
    pushing.add_emergency(verb)


def _reason(verb: Parser) -> None:
    verb.add_argument("--reason", required=True, metavar="TEXT", help="for the commit, and for whoever reads it later")


def _traffic(args: argparse.Namespace) -> int:
    from slipway.release.decisions import traffic

    shares = {name: _percent(name, text) for name, text in pairs(args.shares, "the share").items()}
    return _run("traffic", args, lambda settings, place: traffic(settings, args.model, args.env, shares, place))


def _percent(name: str, text: str) -> int:
    if not re.fullmatch("[0-9]{1,3}", text):
        raise SlipwayError(f"{name}={text[:20]} is no share of the requests", fix="write whole percent: v6=90 v7=10")
    return int(text)


def _rollback(args: argparse.Namespace) -> int:
    from slipway.release.decisions import rollback

    wish = {"reason": args.reason, "to": args.to or None}
    return _run("rollback", args, lambda settings, place: rollback(settings, args.model, args.env, place=place, **wish))


def _hold(args: argparse.Namespace) -> int:
    from slipway.release.decisions import hold

    return _run(
        "hold", args, lambda settings, place: hold(settings, args.model, args.env, reason=args.reason, place=place)
    )


def _lift(args: argparse.Namespace) -> int:
    from slipway.release.decisions import lift

    return _run("lift", args, lambda settings, place: lift(settings, args.model, args.env, place))


def _run(verb: str, args: argparse.Namespace, change: Callable[[Settings, Place], Edited]) -> int:
    from slipway.review import change_body

    settings = settings_of(args)
    where = pushing.decision_place(settings, verb, args.env, args.model, args)
    done = change(settings, where)
    pushing.finish(where, done, lambda: change_body.body(done))
    return 0
