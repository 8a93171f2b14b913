"""`slipway new`: a model folder to start from."""

from __future__ import annotations

import argparse
from typing import Any

from slipway.cli.output import say

__all__ = ["add"]


def add(verbs: Any) -> None:
    """Add the verbs of this topic."""
    new = verbs.add_parser("new", help="make the folder of a new model, ready to be trained")
    new.add_argument("name", help="lower-case letters and digits: the name of the folder, the function and the route")
    new.set_defaults(run=_new)


def _new(args: argparse.Namespace) -> int:
    from slipway import settings as settings_module
    from slipway.models.scaffold import new_model

    settings = settings_module.load(args.root)
    folder = new_model(settings, args.name).relative_to(settings.root)
    say(f"made {folder}: model.py, test_model.py, requirements.txt, README.md, {args.name}.csv")
    say()
    say(f"  slipway train {args.name}     trains it, as it is, and publishes version 1")
    say(f"  slipway serve {args.name}     answers on http://127.0.0.1:8080")
    say(f"  git add {folder} && git commit -m 'Add {args.name}' && slipway release {args.name}")
    return 0
