"""`slipway promote` and `copy`: one model goes to the next environment, by the same image."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from slipway.cli import pushing
from slipway.cli.output import say
from slipway.cli.parsing import Group, settings_of, share
from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from slipway.gitops.branches import Place
    from slipway.settings import Settings

__all__ = ["add"]


def add(group: Group) -> None:
    examples = ["slipway promote wine", "slipway promote wine --push --traffic 10", "slipway promote --due --push"]
    verb = group.add("promote", _promote, "take a verified release to the next environment", examples)
    verb.add_argument("models", nargs="*", metavar="MODEL", help="one model, unless --due")
    verb.add_argument("--to", metavar="ENV", help="the environment (default: the only one that takes promotions)")
    verb.add_argument("--release", metavar="RELEASE", help="this release (default: the newest verified on the route)")
    verb.add_argument("--branch", metavar="NAME", help="commit on this branch of this clone only")
    verb.add_argument("--due", action="store_true", help="all models of environments whose promotion is automatic")
    verb.add_argument("--allow-unbuilt", action="store_true", help="allow an image that nobody has built")
    verb.add_argument("--again", action="store_true", help="allow a release that the environment has rejected")
    verb.add_argument("--accept-breaking", default="", metavar="WHY", help="allow what breaks callers, and say why")
    verb.add_share()
    pushing.add_emergency(verb)

    examples = ["slipway copy --env prod", "slipway copy wine --env prod"]
    copy = group.add("copy", _copy, "copy the artifacts of merged promotions into their store", examples)
    copy.add_models()
    copy.add_argument("--env", required=True, help="the environment that took the promotion")


def _promote(args: argparse.Namespace) -> int:
    from slipway.cli import due_promotions

    settings = settings_of(args)
    if args.due:
        return due_promotions.run(settings, args)
    if len(args.models) != 1:
        raise SlipwayError("name one model to promote", fix="slipway promote MODEL, or --due for all")
    _promote_one(settings, args.models[0], args)
    return 0


def _promote_one(settings: Settings, model: str, args: argparse.Namespace) -> None:
    from slipway.gitops.branches import Proposed
    from slipway.release.promote import Wish, target_of

    wish = Wish(
        args.release or None,
        share(args.traffic),
        allow_unbuilt=args.allow_unbuilt,
        again=args.again,
        accept_breaking=args.accept_breaking,
    )
    environment = target_of(settings, args.to)
    where = _place(settings, environment, model, args)
    pushing.promote(settings, model, environment, wish, where)
    if not isinstance(where, Proposed):
        pushing.drop(environment, [model], where)


def _place(settings: Settings, environment: str, model: str, args: argparse.Namespace) -> Place:
    from slipway.git import Repository
    from slipway.gitops.branches import Here, Proposed

    if args.branch and args.push:
        raise SlipwayError("--branch is for this clone, and --push makes its own branch", fix="leave one of them out")
    if args.branch:
        return Proposed(Here(Repository(settings.root)), args.branch)
    return pushing.decision_place(settings, "promote", environment, model, args)


def _copy(args: argparse.Namespace) -> int:
    from slipway.release.promote import copy

    for line in copy(settings_of(args), args.models, args.env) or ["nothing is missing"]:
        say(line)
    return 0
