"""The number of connections: those that wait for a request give room to others, so that health is always answered."""

from __future__ import annotations

import asyncio
import errno
import resource
import time
import traceback
from collections.abc import Iterable
from functools import cache
from typing import Any

from slipway.serving import log

_MOST = 4096
# Files that a model and its libraries may open.
_SPARE = 128
# The share of the most connections that is closed at once, so that not each new one looks at all.
_SHARE = 16

_OUT_OF = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_SECONDS = 60  # between two lines about the same


@cache
def most() -> int:
    """Return the number of connections that there may be; a process may have so many open files."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _MOST if files == resource.RLIM_INFINITY else min(_MOST, max(files - _SPARE, files // 2))


def make_room(connections: Iterable[Any], newest: Any) -> None:
    """Close connections that wait for a request, but the newest: first those that never sent one, the oldest first."""
    waiting = [each for each in connections if each.since and each is not newest]
    waiting.sort(key=lambda each: (each.cycle is not None, each.since))
    closed = waiting[: max(1, most() // _SHARE)]
    for each in closed:
        each.transport.abort()
    _seldom(f"there are more than {most()} connections: {len(closed)} that waited for a request were closed")


def unforeseen(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Log in one line what goes wrong in the event loop, and seldom that no connection can be accepted."""
    error = context.get("exception")
    if isinstance(error, OSError) and error.errno in _OUT_OF:
        _seldom(f"{context['message']}: {error}")
        return
    traced = {"traceback": "".join(traceback.format_exception(error))} if error else {}
    log.write("ERROR", context["message"], **traced)


_told: dict[str, float] = {}


def _seldom(message: str) -> None:
    about, now = message.partition(":")[0], time.monotonic()
    if now - _told.get(about, -_SECONDS) >= _SECONDS:
        _told[about] = now
        log.write("WARNING", message)
