"""`slipway announce`: GitHub is told of a version or a verified release, best effort."""

from __future__ import annotations

import argparse
from typing import Any

from slipway.cli.output import say

__all__ = ["add"]


def add(verbs: Any) -> None:
    """Add the verb of this topic."""
    announcements = verbs.add_parser("announce", help="tell GitHub of a new version or a verified release; never fails")
    kinds = announcements.add_subparsers(metavar="KIND", required=True)
    version = kinds.add_parser("version", help="a published version, which the workflow release then looks at")
    version.add_argument("model")
    version.add_argument("version", type=int, metavar="N")
    version.set_defaults(run=_version)
    verified = kinds.add_parser("verified", help="a verified release, which the workflow promote then looks at")
    verified.add_argument("model")
    verified.add_argument("release", metavar="RELEASE", help="v7-1a2b3c4d")
    verified.set_defaults(run=_verified)
    for kind in (version, verified):
        kind.add_argument("--env", default="test", help="the environment (default: test)")


def _version(args: argparse.Namespace) -> int:
    from slipway.github import announcements
    from slipway.names import ModelId

    say(announcements.version(ModelId(args.model, args.env, args.version)))
    return 0


def _verified(args: argparse.Namespace) -> int:
    from slipway.github import announcements
    from slipway.names import ReleaseName

    say(announcements.verified(args.env, args.model, ReleaseName.parse(args.release)))
    return 0
