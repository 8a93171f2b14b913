"""The command line: `slipway VERB …`. Each module beside this one adds the verbs of one topic."""

from __future__ import annotations

import argparse
import contextlib
import errno
import io
import os
import signal
import sys
import traceback
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from slipway import __version__
from slipway.errors import OutOfReach, SlipwayError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_TOPICS = (
    *("models", "training", "testing", "store", "serving", "releases", "routes", "views"),
    *("review", "provenance", "doctor.command", "announcing"),
)


def parser() -> argparse.ArgumentParser:
    """All verbs and their options; a parsed command line has its function as `run`, and the words in `given`."""
    whole = argparse.ArgumentParser(
        prog="slipway",
        description="Train, release, serve and promote the models of a GitOps repository.",
        epilog="slipway VERB --help tells more of one verb.",
    )
    whole.add_argument("-C", dest="root", type=Path, metavar="DIR", help="the repository (default: where you are)")
    whole.add_argument("--version", action="version", version=f"slipway {__version__}")
    verbs = whole.add_subparsers(metavar="VERB", required=True)
    for topic in _TOPICS:
        import_module(f"slipway.cli.{topic}").add(verbs)
    return whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit status.

    0: done. 1: a mistake or a failure, which is told. 2: wrong usage. 70: a fault of ours. 75: what was needed is
    out of reach, and may not be later. 130: stopped by the user.
    """
    signal.signal(signal.SIGTERM, _stop)
    for stream in (sys.stdout, sys.stderr):
        # A name that a terminal cannot show is no reason to fail.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        given = sys.argv[1:] if arguments is None else list(arguments)
        parsed = parser().parse_args(given)
        parsed.given = given
        status: int = parsed.run(parsed)
        sys.stdout.flush()
    except SlipwayError as error:
        print(f"error: {error}", file=sys.stderr)
        _tell(error)
        return os.EX_TEMPFAIL if isinstance(error, OutOfReach) else 1
    except KeyboardInterrupt:
        print("\nstopped: what was not finished leaves nothing behind", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        print(f"error: {_explain(error)}", file=sys.stderr)
        return 1
    except Exception:  # noqa: BLE001 - the last resort, and it hides nothing
        traceback.print_exc()
        print("error: this is a fault of slipway, not yours; please report it with the lines above", file=sys.stderr)
        return 70
    return status


def _tell(error: SlipwayError) -> None:
    """Show the error on the page of a run of GitHub Actions, where that is what we are in."""
    from slipway.github import runs
    from slipway.github.markdown import fence

    if runs.inside():
        runs.annotate("error", str(error))
        with contextlib.suppress(SlipwayError):  # no page to write on
            runs.summary(fence(str(error)))


def _stop(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _explain(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{where}the disk is full; what was not finished is not there\n  → free some space and run it again"
    return f"{where}{error.strerror or error}"
