"""`slipway trace` and `reproduce`: where an answer comes from, and whether its model can be trained again."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from slipway.cli.output import progress, say

__all__ = ["add"]

_WHAT = "v7-1a2b3c4d, test/iris/v7-1a2b3c4d, iris/test/7, sha256:…, 8 digits of a fingerprint, or https://…"


def add(verbs: Any) -> None:
    """Add the verbs of this topic."""
    trace = verbs.add_parser("trace", help="show what an answer comes from: image, artifact, data, commit, run")
    trace.add_argument("what", metavar="WHAT", help=_WHAT)
    trace.add_argument("--json", action="store_true", help="for machines")
    trace.set_defaults(run=_trace)

    reproduce = verbs.add_parser("reproduce", help="train a version again from its record, and compare predictions")
    reproduce.add_argument("what", metavar="WHAT", help=_WHAT)
    reproduce.add_argument("--keep", type=Path, metavar="DIR", help="keep what the training leaves in this new folder")
    reproduce.set_defaults(run=_reproduce)


def _trace(args: argparse.Namespace) -> int:
    from slipway import settings
    from slipway.provenance import links
    from slipway.provenance.trace import trace

    chain = trace(settings.load(args.root), args.what)
    if args.json:
        say(json.dumps(links.plain(chain), indent=2, ensure_ascii=False))
    else:
        for line in links.lines(chain):
            say(line)
    return 1 if chain.broken else 0


def _reproduce(args: argparse.Namespace) -> int:
    from slipway import settings
    from slipway.provenance.reproduce import reproduce

    done = reproduce(settings.load(args.root), args.what, keep=args.keep, report=progress)
    for line in done.lines():
        say(line)
    return 0 if done.holds else 1
