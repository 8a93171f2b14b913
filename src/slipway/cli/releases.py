"""`slipway release`, `promote`, `copy`, `bundle` and `render`: versions become what runs."""

import argparse
from pathlib import Path
from typing import Any

from slipway.cli.arguments import pairs
from slipway.cli.output import progress, say, table

__all__ = ["add"]


def add(verbs: Any) -> None:
    """Add the verbs of this topic."""
    release = verbs.add_parser("release", help="release what is due: the newest version, unless a hold or pin stands")
    release.add_argument("models", nargs="*", metavar="MODEL", help="only these (default: all)")
    release.add_argument("--env", default="test", help="the environment (default: test)")
    _choice(release)
    _traffic(release)
    release.set_defaults(run=_release)

    promote = verbs.add_parser("promote", help="take a verified release to the next environment, the same image")
    promote.add_argument("model")
    promote.add_argument("--to", metavar="ENV", help="the environment (default: the only one that takes promotions)")
    promote.add_argument("--release", metavar="RELEASE", help="this one (default: the newest verified on the route)")
    promote.add_argument("--branch", metavar="NAME", help="commit on this branch only, for a pull request")
    promote.add_argument("--allow-unbuilt", action="store_true", help="also an image that nobody has built")
    promote.add_argument("--again", action="store_true", help="also what the environment has rejected")
    _traffic(promote)
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

    render = verbs.add_parser("render", help="print what kustomize makes of the overlays, as a cluster gets it")
    render.add_argument("models", nargs="*", metavar="MODEL", help="only these (default: all)")
    render.add_argument("--env", help="only this environment")
    render.set_defaults(run=_render)


def _choice(verb: argparse.ArgumentParser) -> None:
    choice = verb.add_mutually_exclusive_group()
    choice.add_argument("--version", type=int, metavar="N", help="this version (default: the newest)")
    choice.add_argument(
        "--where", action="append", default=[], metavar="KEY=VALUE", help="the newest whose metadata have this value"
    )


def _traffic(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--traffic", type=int, default=100, metavar="PERCENT", help="its share (default: 100)")


def _release(args: argparse.Namespace) -> int:
    from slipway import settings as settings_file
    from slipway.release.releasing import release

    settings = settings_file.load(args.root)
    done = release(
        settings,
        args.models,
        environment=args.env,
        version=args.version,
        where=pairs(args.where, "--where"),
        traffic=args.traffic,
        report=progress,
    )
    rows = [
        (outcome.model, outcome.result, outcome.release or "-", " ".join(outcome.text.split()))
        for outcome in done.outcomes
    ]
    table(["MODEL", "RESULT", "RELEASE", "WHY"], rows)
    for outcome in done.outcomes:
        if outcome.note:
            say(f"{outcome.model}: {outcome.note}")
    say(f"committed {done.commit[:12]} on {done.branch}" if done.commit else "nothing to commit")
    if done.commit and done.branch != settings.branch:
        say(f"note: the cluster follows {settings.branch}, not {done.branch} (branch in slipway.yaml)")
    return 1 if done.failed else 0


def _promote(args: argparse.Namespace) -> int:
    from slipway import settings as settings_file
    from slipway.release.promote import Wish, promote

    wish = Wish(args.release, args.traffic, args.allow_unbuilt, args.again)
    done = promote(settings_file.load(args.root), args.model, wish, to=args.to, branch=args.branch)
    for line in done.lines:
        say(line)
    say(f"committed {done.commit[:12]}" if done.commit else "nothing to commit")
    return 0


def _copy(args: argparse.Namespace) -> int:
    from slipway import settings as settings_file
    from slipway.release.copying import copy

    for line in copy(settings_file.load(args.root), args.models, args.env) or ["nothing is missing"]:
        say(line)
    return 0


def _bundle(args: argparse.Namespace) -> int:
    from slipway import settings as settings_file
    from slipway.release import bundle
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
    from slipway.errors import SlipwayError
    from slipway.release import render

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
        say(render.build(folder, settings.root).decode().rstrip())
    return 0
