"""`slipway versions`, `show`, `publish` and `fetch`: the versions in the stores."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.cli.console import Group, say, settings_of, table
from slipway.errors import SlipwayError
from slipway.text import pairs

if TYPE_CHECKING:
    from slipway.store import Record, Store


def add(group: Group) -> None:
    examples = ["slipway versions wine", "slipway versions wine --env prod"]
    group.add("versions", _versions, "list the published versions of a model", examples, "model", "env")

    examples = ["slipway show wine", "slipway show wine --env prod --version 3", "slipway show wine --where author=ada"]
    group.add("show", _show, "show the record of a version", examples, "model", "env", "version|where")

    examples = ["slipway fetch wine --to artifact", "slipway fetch wine --version 3 --to artifact"]
    about = "copy the artifact of a version into a folder, and check it"
    fetch = group.add("fetch", _fetch, about, examples, "model", "env", "version|where")
    fetch.add_argument("--to", type=Path, required=True, metavar="DIR", help="the folder")

    examples = ["slipway publish wine artifact", "slipway publish wine artifact -m author=ada -m stage=blue"]
    about = "publish the folder of an artifact, once it is served here"
    publish = group.add("publish", _publish, about, examples, "model", "env", "metadata")
    publish.add_argument("folder", type=Path)


def _store(args: argparse.Namespace) -> Store:
    from slipway.store import store_of

    settings = settings_of(args)
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
    rows, damaged = [], []
    for version in versions:
        try:
            rows.append(_row(store.record(args.model, version)))
        except SlipwayError as error:
            rows.append((version, "corrupted", *"----"))
            damaged.append(str(error))
    table(["VERSION", "CREATED", "ARTIFACT", "METRICS", "ORIGIN", "METADATA"], rows)
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


def _find(args: argparse.Namespace) -> tuple[Store, Record]:
    store = _store(args)
    return store, store.find(args.model, version=args.version, where=pairs(args.where, "--where"))


def _show(args: argparse.Namespace) -> int:
    from slipway.store.records import encode

    say(encode(_find(args)[1]).decode().rstrip())
    return 0


def _fetch(args: argparse.Namespace) -> int:
    store, record = _find(args)
    store.fetch(record, args.to)
    say(f"{record.id} is in {args.to}")
    return 0


def _publish(args: argparse.Namespace) -> int:
    from slipway.images.publishing import publish_in

    record = publish_in(settings_of(args), args.model, args.folder, args.env, pairs(args.metadata, "--metadata"))
    say(f"published {record.id}, {record.artifact.digest[:8]}")
    return 0
