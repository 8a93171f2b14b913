"""`slipway status` and `history`: what runs, and what ran."""

from __future__ import annotations

import argparse
from typing import Any

from slipway.cli.output import say, table

__all__ = ["add"]


def add(verbs: Any) -> None:
    """Add the verbs of this topic."""
    status = verbs.add_parser("status", help="show what runs where, and what is due")
    _which(status)
    status.set_defaults(run=_status)

    history = verbs.add_parser("history", help="show every change of what runs, or what was meant to run at a time")
    _which(history)
    history.add_argument("--at", metavar="TIME", help="2026-11-21 (its end), '2026-11-21 10:00', 2026-11-21T10:00:00Z")
    history.set_defaults(run=_history)


def _which(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("models", nargs="*", metavar="MODEL", help="only these (default: all)")
    verb.add_argument("--env", help="only this environment")


def _status(args: argparse.Namespace) -> int:
    from slipway import settings
    from slipway.release.status import status

    rows = status(settings.load(args.root), args.models, args.env)
    table(["ENV", "MODEL", "ROUTE", "NEWEST", "VERIFIED", "NEXT"], rows)
    return 0


def _history(args: argparse.Namespace) -> int:
    from slipway import settings, times
    from slipway.gitops import history

    loaded = settings.load(args.root)
    if args.at:
        return _at(history.at(loaded, times.parse(args.at), args.models, args.env))
    events = history.events(loaded, args.models, args.env)
    rows = [
        (times.format(event.when), event.environment, event.model, event.what, event.who, event.commit[:12])
        for event in events
    ]
    table(["WHEN", "ENV", "MODEL", "WHAT", "WHO", "COMMIT"], rows)
    return 0


def _at(moment: Any) -> int:
    from slipway.gitops.history import told
    from slipway.release.due import held

    say(told(moment))
    rows = [
        (overlay.environment, overlay.model, name, f"{percent} %", release.record.model_id, release.record.image)
        for overlay in moment.overlays
        for name, percent in sorted(overlay.route.items(), reverse=True)
        for release in [overlay.release(name)]
    ]
    if rows:
        table(["ENV", "MODEL", "RELEASE", "SHARE", "MODEL ID", "IMAGE"], rows)
    for overlay in moment.overlays:
        if overlay.hold:
            say(f"{overlay.environment}/{overlay.model} was {held(overlay.hold)}")
    return 0
