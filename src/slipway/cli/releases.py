"""`slipway release`, `build`, `promote`, `copy`, `bundle` and `render`: versions become what runs."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.cli import pushing
from slipway.cli.arguments import pairs, share
from slipway.cli.output import progress, say
from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from slipway.gitops.places import Place
    from slipway.release.build import Asked
    from slipway.release.release import Released
    from slipway.settings import Settings

__all__ = ["add"]

_ENVIRONMENT = "test"


def add(verbs: Any) -> None:
    """Add the verbs of this topic."""
    release = verbs.add_parser("release", help="release what is due: the newest version, unless a hold or pin stands")
    _what(release)
    release.add_argument("--built", type=Path, metavar="DIR", help="commit what slipway build has left there")
    pushing.add(release)
    release.set_defaults(run=_release)

    build = verbs.add_parser("build", help="test, train and make images of what is due, for slipway release --built")
    _what(build)
    build.add_argument("--to", type=Path, required=True, metavar="DIR", help="where the plan is left")
    build.add_argument("--fresh", action="store_true", help="by the overlays of the remote, as release --push goes")
    build.add_argument("--event", action="store_true", help="what the event asks for that started this GitHub workflow")
    build.add_argument(
        "--train",
        choices=["none", "as-set", "also-manual"],
        default="none",
        help="what code does that no version was trained by: nothing (default), what the settings say, or that and "
        "training here of models that are trained by hand",
    )
    build.set_defaults(run=_build)

    promote = verbs.add_parser("promote", help="take a verified release to the next environment, the same image")
    promote.add_argument("models", nargs="*", metavar="MODEL", help="one, unless --due")
    promote.add_argument("--to", metavar="ENV", help="the environment (default: the only one that takes promotions)")
    promote.add_argument("--release", metavar="RELEASE", help="this one (default: the newest verified on the route)")
    promote.add_argument("--branch", metavar="NAME", help="commit on this branch of this clone only")
    promote.add_argument("--due", action="store_true", help="all models of environments whose promotion is automatic")
    promote.add_argument("--allow-unbuilt", action="store_true", help="also an image that nobody has built")
    promote.add_argument("--again", action="store_true", help="also what the environment has rejected")
    promote.add_argument("--accept-breaking", default="", metavar="WHY", help="also what breaks callers, and why")
    _traffic(promote)
    pushing.add_emergency(promote)
    promote.set_defaults(run=_promote)

    copy = verbs.add_parser("copy", help="copy the artifacts of merged promotions into their environment's store")
    copy.add_argument("models", nargs="*", metavar="MODEL", help="only these (default: all)")
    copy.add_argument("--env", required=True, help="the environment that took the promotion")
    copy.set_defaults(run=_copy)

    bundle = verbs.add_parser("bundle", help="make the build context of a version's image")
    bundle.add_argument("model")
    bundle.add_argument("--env", default="test", help="the environment (default: test)")
    _choice(bundle)
    bundle.add_argument("--to", type=Path, required=True, metavar="DIR", help="a new folder")
    bundle.set_defaults(run=_bundle)

    rendering = verbs.add_parser("render", help="print what kustomize makes of the overlays, as a cluster gets it")
    rendering.add_argument("models", nargs="*", metavar="MODEL", help="only these (default: all)")
    rendering.add_argument("--env", help="only this environment")
    rendering.set_defaults(run=_render)


def _what(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("models", nargs="*", metavar="MODEL", help="only these (default: all)")
    verb.add_argument("--env", help="the environment (default: test)")
    _choice(verb)
    _traffic(verb)


def _choice(verb: argparse.ArgumentParser) -> None:
    choice = verb.add_mutually_exclusive_group()
    choice.add_argument("--version", type=int, metavar="N", help="this version (default: the newest)")
    choice.add_argument(
        "--where", action="append", default=[], metavar="KEY=VALUE", help="the newest whose metadata have this value"
    )


def _traffic(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--traffic", type=int, metavar="PERCENT", help="its share (default: 100)")


def _release(args: argparse.Namespace) -> int:
    from slipway import settings as settings_file
    from slipway.cli.outcomes import dropped, told
    from slipway.release.due import Choice
    from slipway.release.release import release

    settings = settings_file.load(args.root)
    where = pushing.release_place(settings, push=args.push, code=args.built is not None)
    if args.built is not None:
        _check_planned(args, "--built releases what the plan says")
        environment, done = _built(settings, args.built, where)
    else:
        choice = Choice.of(args.version, pairs(args.where, "--where"), share(args.traffic))
        environment = args.env or _ENVIRONMENT
        done = release(settings, args.models, environment=environment, choice=choice, report=progress, place=where)
    status = told(done, settings, where)
    dropped(settings, environment, [each.model for each in done.outcomes], where)
    return status


def _check_planned(args: argparse.Namespace, because: str) -> None:
    """Refuse what says what is to be released where that is settled elsewhere."""
    given = {
        "models": args.models,
        "--env": args.env is not None,
        "--version": args.version is not None,
        "--where": args.where,
        "--traffic": args.traffic is not None,
    }
    if names := ", ".join(name for name, value in given.items() if value):
        raise SlipwayError(f"{because}: it takes no {names}", fix="leave them out")


def _built(settings: Settings, folder: Path, where: Place) -> tuple[str, Released]:
    from slipway.release import build as plan
    from slipway.release.built import release_built

    read = plan.read(folder)
    return read.environment, release_built(settings, read, where, progress)


def _build(args: argparse.Namespace) -> int:
    from slipway import settings as settings_file
    from slipway.cli.outcomes import planned
    from slipway.release import build as building

    settings = settings_file.load(args.root)
    where = pushing.release_place(settings, push=args.fresh, code=True)
    if args.event:
        _check_planned(args, "--event builds what the event asks for")
    asked = _event(settings) if args.event else _asked(args)
    if asked is None:
        say("only overlays have changed: nothing is built")
        return planned(building.nothing(settings, args.to))
    return planned(building.build(settings, asked, where, args.to, report=progress))


def _asked(args: argparse.Namespace) -> Asked:
    from slipway.release.build import Asked
    from slipway.release.due import Choice

    choice = Choice.of(args.version, pairs(args.where, "--where"), share(args.traffic))
    return Asked(tuple(args.models), args.env or _ENVIRONMENT, choice, args.train.replace("-", " "))


def _event(settings: Settings) -> Asked | None:
    """What the event asks for that started this run, None for nothing.

    An announced version has to be there, and is not chosen. A push of overlays alone asks for nothing.
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


def _promote(args: argparse.Namespace) -> int:
    from slipway import settings as settings_file
    from slipway.cli import promotion

    settings = settings_file.load(args.root)
    if args.due:
        return promotion.due(settings, args)
    if len(args.models) != 1:
        raise SlipwayError("one model is promoted at a time", fix="slipway promote MODEL; or --due")
    return promotion.one(settings, args.models[0], args)


def _copy(args: argparse.Namespace) -> int:
    from slipway import settings as settings_file
    from slipway.release.promote import copy

    for line in copy(settings_file.load(args.root), args.models, args.env) or ["nothing is missing"]:
        say(line)
    return 0


def _bundle(args: argparse.Namespace) -> int:
    from slipway import settings as settings_file
    from slipway.images import bundle
    from slipway.store import store_of

    settings = settings_file.load(args.root)
    settings.model(args.model)
    store = store_of(settings, args.env)
    record = store.find(args.model, version=args.version, where=pairs(args.where, "--where"))
    made = bundle.make(settings, store, record, args.to)
    say(f"the bundle of {record.id} is in {made.folder}, fingerprint {made.fingerprint[:8]}")
    return 0


def _render(args: argparse.Namespace) -> int:
    from slipway import settings as settings_file
    from slipway.gitops import rendering

    settings = settings_file.load(args.root)
    if args.env:
        settings.environment(args.env)
    found = [
        folder
        for folder in sorted(settings.root.glob(f"overlays/{args.env or '*'}/*"))
        if (folder / "kustomization.yaml").is_file() and (not args.models or folder.name in args.models)
    ]
    if not found:
        raise SlipwayError("no overlay is there to render", fix="slipway release writes one")
    for folder in found:
        say(f"---\n# {folder.relative_to(settings.root)}")
        say(rendering.build(folder, settings.root).decode().rstrip())
    return 0
