"""The verbs of `slipway VERB …`: each module beside this one adds a group of them."""

from __future__ import annotations

import argparse
from importlib import import_module
from pathlib import Path

from slipway import __version__
from slipway.cli.console import Group, Parser

_GROUPS = ("models", "store", "releases", "promotion", "inspection", "functions")


def parser() -> Parser:
    """Return the parser of all verbs; a parsed command line has the function of its verb as `run`."""
    whole = Parser(
        prog="slipway",
        usage="slipway [-h] [-C DIR] [--version] VERB ...",
        description="Train, release, serve and promote the models of a GitOps repository.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("-C", dest="root", type=Path, metavar="DIR", help="the repository (default: where you are)")
    whole.add_argument("--version", action="version", version=f"slipway {__version__}")
    verbs = whole.add_subparsers(metavar="VERB", required=True, prog="slipway", help=argparse.SUPPRESS)
    for title in _GROUPS:
        group = Group(title, verbs)
        import_module(f"{__name__}.{title}").add(group)
        whole.groups.append(group)
    end = "slipway VERB --help shows the options of a verb, with examples."
    whole.epilog = "\n\n".join([*map(str, whole.groups), end])
    return whole
