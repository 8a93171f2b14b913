"""The end of gRPC's server: no call is lost that comes on a connection from before.

A server that is told to stop cancels the calls that come until their clients hear of it. So it first takes no new
connections, and tells clients on the others to send their next calls elsewhere (HTTP/2's GOAWAY), while it still
answers what they send. gRPC has no interface for either, so both are done on its sockets.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import struct
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

# `docker stop` kills after 10 seconds. Calls that have begun are waited for by gRPC itself.
_MOST = 8

# A frame without content but for the greatest stream that is answered (any), and the error (none).
# https://www.rfc-editor.org/rfc/rfc9113#name-goaway
_GOAWAY = struct.pack(">I", 8)[1:] + b"\x07\x00" + struct.pack(">III", 0, 2**31 - 1, 0)


async def say(port: int) -> None:
    """Return when the clients have left all connections at `port`, or after some seconds."""
    if sys.platform != "linux":
        return
    until, told = time.monotonic() + _MOST, set[tuple[str, int]]()
    _stop_listening(port)
    while time.monotonic() < until and _tell(port, told):
        await asyncio.sleep(0.02)


def _stop_listening(port: int) -> None:
    for each in _sockets(port):
        with each:
            if each.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                each.shutdown(socket.SHUT_RDWR)


def _tell(port: int, told: set[tuple[str, int]]) -> bool:
    """Tell each peer that is not among those `told`; return whether there is a connection left."""
    left = False
    for each in _sockets(port):
        with each, suppress(OSError):  # it has no peer, or none any more
            peer = each.getpeername()[:2]
            left = True
            # While bytes wait to be sent, gRPC may be within a frame.
            if peer not in told and not _unsent(each):
                each.send(_GOAWAY, socket.MSG_DONTWAIT)
                told.add(peer)
    return left


def _unsent(each: socket.socket) -> int:
    found = fcntl.ioctl(each, termios.TIOCOUTQ, b"\0" * 4)
    return int.from_bytes(found, sys.byteorder)


def _sockets(port: int) -> Iterator[socket.socket]:
    """Yield the process's own TCP sockets at `port`, each as one more file: gRPC keeps those that it opened."""
    for file in list(Path("/proc/self/fd").iterdir()):
        with suppress(OSError):
            if not str(file.readlink()).startswith("socket:"):
                continue
            own = socket.socket(fileno=os.dup(int(file.name)))
            if own.family in (socket.AF_INET, socket.AF_INET6) and own.getsockname()[1] == port:
                yield own
            else:
                own.close()
