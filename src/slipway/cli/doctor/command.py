"""`slipway doctor`: what is missing around the repository, here and on GitHub."""

from __future__ import annotations

import argparse
from typing import Any

from slipway.cli.output import say

__all__ = ["add"]


def add(verbs: Any) -> None:
    """Add the verb of this topic."""
    doctor = verbs.add_parser("doctor", help="say what is set up and what is missing, here and on GitHub")
    doctor.set_defaults(run=_doctor)


def _doctor(args: argparse.Namespace) -> int:
    from slipway.cli.doctor import examine

    states = []
    for finding in examine(args.root):
        say(str(finding))
        states.append(finding.state)
    counts = [f"{states.count(state)} {state}" for state in ("ok", "missing", "unknown")]
    say(", ".join(counts))
    return 1 if "missing" in states else 0
