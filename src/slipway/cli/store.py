"""`slipway versions`, `show`, `publish` and `fetch`: what the stores hold."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.cli.arguments import pairs
from slipway.cli.output import say, table
from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from slipway.store import Record

__all__ = ["add"]


def add(verbs: Any) -> None:
    """Add the verbs of this topic."""
    versions = verbs.add_parser("versions", help="list the published versions of a model")
    versions.add_argument("model")
    _environment(versions)
    versions.set_defaults(run=_versions)

    show = verbs.add_parser("show", help="show the record of a version")
    _chosen(show)
    show.set_defaults(run=_show)

    fetch = verbs.add_parser("fetch", help="copy the artifact of a version into a folder, every file checked")
    _chosen(fetch)
    fetch.add_argument("--to", type=Path, required=True, metavar="DIR")
    fetch.set_defaults(run=_fetch)

    publish = verbs.add_parser("publish", help="publish an artifact folder that was made by hand")
    publish.add_argument("model")
    publish.add_argument("folder", type=Path)
    _environment(publish)
    publish.add_argument(
        "-m", "--metadata", action="append", default=[], metavar="KEY=VALUE", help="goes into the record"
    )
    publish.set_defaults(run=_publish)


def _environment(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--env", default="test", help="the environment (default: test)")


def _chosen(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("model")
    _environment(verb)
    choice = verb.add_mutually_exclusive_group()
    choice.add_argument("--version", type=int, metavar="N", help="this version (default: the newest)")
    choice.add_argument(
        "--where", action="append", default=[], metavar="KEY=VALUE", help="the newest whose metadata have this value"
    )


def _store(args: argparse.Namespace) -> Any:
    from slipway import settings as settings_module
    from slipway.store import store_of

    settings = settings_module.load(args.root)
    store = store_of(settings, args.env)
    if args.model not in store.models():
        settings.model(args.model)
    return store


def _versions(args: argparse.Namespace) -> int:
    store = _store(args)
    versions = list(reversed(store.versions(args.model)))
    if not versions:
        fix = f"slipway train {args.model} --env {args.env}"
        raise SlipwayError(f"{args.model} has no version in {args.env} yet", fix=fix)
    heads = ["VERSION", "CREATED", "ARTIFACT", "METRICS", "ORIGIN", "METADATA"]
    rows, damaged = [], []
    for version in versions:
        try:
            rows.append(_row(store.record(args.model, version)))
        except SlipwayError as error:
            rows.append((version, "corrupted", *"----"))
            damaged.append(str(error))
    table(heads, rows)
    if damaged:
        raise SlipwayError("\n".join(damaged))
    return 0


def _row(record: Record) -> tuple[object, ...]:
    return (
        record.version,
        record.created,
        record.artifact.digest[:8],
        ", ".join(f"{name} {value:.4g}" for name, value in record.metrics.items()) or "-",
        f"{record.origin.environment} {record.origin.version}" if record.origin else "-",
        ", ".join(f"{name}={value}" for name, value in record.metadata.items()) or "-",
    )


def _record(args: argparse.Namespace, store: Any) -> Any:
    return store.find(args.model, version=args.version, where=pairs(args.where, "--where"))


def _show(args: argparse.Namespace) -> int:
    from slipway.store.records import encode

    say(encode(_record(args, _store(args))).decode().rstrip())
    return 0


def _fetch(args: argparse.Namespace) -> int:
    store = _store(args)
    record = _record(args, store)
    store.fetch(record, args.to)
    say(f"{record.id} is in {args.to}")
    return 0


def _publish(args: argparse.Namespace) -> int:
    record = _store(args).publish(args.model, args.folder, record={"metadata": pairs(args.metadata, "--metadata")})
    say(f"published {record.id}, {record.artifact.digest[:8]}")
    return 0
