"""`slipway release`, `build`, `bundle` and `render`: versions become images and overlays."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.cli import pushing
from slipway.cli.output import progress, say, show_plan, show_released
from slipway.cli.parsing import Group, Parser, given, settings_of, share
from slipway.errors import SlipwayError
from slipway.text import pairs

if TYPE_CHECKING:
    from slipway.release.build import Asked
    from slipway.release.due import Choice
    from slipway.settings import Settings

__all__ = ["add"]

_ENVIRONMENT = "test"


def add(group: Group) -> None:
    examples = [
        "slipway release",
        "slipway release wine --version 7",
        "slipway release --built plan --push",
    ]
    release = group.add("release", _release, "release what is due: the newest version of each model", examples)
    _choice_options(release)
    release.add_argument("--built", type=Path, metavar="DIR", help="release what slipway build left in this folder")
    pushing.add_push(release)

    examples = ["slipway build --to plan", "slipway build --event --fresh --train as-set --to plan"]
    build = group.add("build", _build, "test, train and make the images of what is due", examples)
    _choice_options(build)
    build.add_argument("--to", type=Path, required=True, metavar="DIR", help="the folder for the plan")
    build.add_argument("--fresh", action="store_true", help="decide by the remote's overlays, as release --push does")
    build.add_argument("--event", action="store_true", help="build what the event of this GitHub workflow asks for")
    build.add_argument(
        "--train",
        choices=["none", "as-set", "also-manual"],
        default="none",
        help="how to treat code that no version was trained by: leave it (default), train as the settings say, or "
        "train models with train: manual here as well",
    )

    examples = ["slipway bundle wine --to context", "slipway bundle wine --env prod --version 3 --to context"]
    bundle = group.add("bundle", _bundle, "make the build context of a version's image", examples)
    bundle.add_argument("model")
    bundle.add_environment()
    bundle.add_version()
    bundle.add_argument("--to", type=Path, required=True, metavar="DIR", help="a new folder")

    examples = ["slipway render", "slipway render wine --env prod"]
    render = group.add("render", _render, "print the manifests of the overlays, as a cluster gets them", examples)
    render.add_models()
    render.add_argument("--env", help="only this environment")


def _choice_options(verb: Parser) -> None:
    verb.add_models()
    verb.add_argument("--env", help="the environment (default: test)")
    verb.add_version()
    verb.add_share()


def _release(args: argparse.Namespace) -> int:
    from slipway.release import plan as plans
    from slipway.release import release

    settings = settings_of(args)
    where = pushing.release_place(settings, push=args.push, code=args.built is not None)
    if args.built is not None:
        _check_planned(args, "--built releases what the plan says")
        plan = plans.read(args.built)
        environment, done = plan.environment, plans.release_built(settings, plan, where, progress)
    else:
        environment, choice = args.env or _ENVIRONMENT, _choice(args)
        done = release.release(
            settings, args.models, environment=environment, choice=choice, report=progress, place=where
        )
    status = show_released(done, settings, where)
    pushing.drop(environment, [each.model for each in done.outcomes], where)
    return status


def _choice(args: argparse.Namespace) -> Choice:
    from slipway.release.due import Choice

    return Choice.of(args.version, pairs(args.where, "--where"), share(args.traffic))


def _check_planned(args: argparse.Namespace, because: str) -> None:
    """Raise `SlipwayError` for options that choose what a plan or an event has chosen."""
    if names := given(args, "models", "--env", "--version", "--where", "--traffic"):
        raise SlipwayError(f"{because}: it takes no {names}", fix="leave them out")


def _build(args: argparse.Namespace) -> int:
    from slipway.release import build

    settings = settings_of(args)
    where = pushing.release_place(settings, push=args.fresh, code=True)
    if args.event:
        _check_planned(args, "--event builds what the event asks for")
    asked = _event(settings) if args.event else _asked(args)
    if asked is None:
        say("only overlays have changed: nothing is built")
        return show_plan(build.nothing(settings, args.to))
    return show_plan(build.build(settings, asked, where, args.to, report=progress))


def _asked(args: argparse.Namespace) -> Asked:
    from slipway.release.build import Asked

    return Asked(tuple(args.models), args.env or _ENVIRONMENT, _choice(args), args.train.replace("-", " "))


def _event(settings: Settings) -> Asked | None:
    """Return what the event of this run asks for; None for a push of overlays, which asks for nothing.

    Raise `SlipwayError` for an announced version that is not in the store.
    """
    from slipway.git import Repository
    from slipway.github import events
    from slipway.release.build import Asked, overlays_only
    from slipway.release.due import Choice
    from slipway.store import store_of

    request = events.current(settings)
    if request.announced is not None:
        store_of(settings, request.environment).record(request.models[0], request.announced)
    if request.span is not None and overlays_only(Repository(settings.root), *request.span):
        return None
    choice = Choice.of(request.version, request.where, request.traffic)
    return Asked(request.models, request.environment, choice, request.train)


def _bundle(args: argparse.Namespace) -> int:
    from slipway.images import bundle
    from slipway.store import store_of

    settings = settings_of(args)
    settings.model(args.model)
    store = store_of(settings, args.env)
    record = store.find(args.model, version=args.version, where=pairs(args.where, "--where"))
    made = bundle.make(settings, store, record, args.to)
    say(f"the bundle of {record.id} is in {made.folder}, fingerprint {made.fingerprint[:8]}")
    return 0


def _render(args: argparse.Namespace) -> int:
    from slipway.gitops import rendering

    settings = settings_of(args)
    if args.env:
        settings.environment(args.env)
    found = [
        folder
        for folder in sorted(settings.root.glob(f"overlays/{args.env or '*'}/*"))
        if (folder / "kustomization.yaml").is_file() and (not args.models or folder.name in args.models)
    ]
    if not found:
        raise SlipwayError("there is no overlay to render", fix="slipway release writes one")
    for folder in found:
        say(f"---\n# {folder.relative_to(settings.root)}")
        say(rendering.build(folder, settings.root).decode().rstrip())
    return 0
