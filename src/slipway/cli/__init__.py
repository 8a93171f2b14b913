"""The command line `slipway VERB …`: run a verb of `commands`, and turn errors into messages and an exit status."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence

from slipway.cli.commands import parser
from slipway.errors import OutOfReach, SlipwayError

__all__ = ["main", "parser"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return the exit status.

    0: done. 1: a mistake or a failure, with its message. 2: wrong usage. 70: a fault of Slipway. 75: something is out
    of reach, and may not be later. 130: stopped by the user.
    """
    signal.signal(signal.SIGTERM, _stop)
    if sys.unraisablehook is sys.__unraisablehook__:
        sys.unraisablehook = _stop_again
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
        _show_on_page(error)
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


def _show_on_page(error: SlipwayError) -> None:
    """Show the error on the page of the run, where this is a run of GitHub Actions."""
    from slipway.github import runs
    from slipway.github.markdown import fence

    if runs.inside():
        runs.annotate("error", str(error))
        with contextlib.suppress(SlipwayError):  # no page to write on
            runs.summary(fence(str(error)))


def _stop(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


def _stop_again(found: sys.UnraisableHookArgs) -> None:
    """Stop once more where Python has dropped the first time: of what a `__del__` raises it only prints a traceback."""
    if found.exc_type is KeyboardInterrupt:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
    else:
        sys.__unraisablehook__(found)


def _explain(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{where}the disk is full; what was not finished is not there\n  → free some space and run it again"
    return f"{where}{error.strerror or error}"
