"""A connection that sends any bytes, and checks the answers."""

import json
import re
import socket
from contextlib import suppress
from typing import NamedTuple

from tests.fuzz.messages import Message

__all__ = ["Reply", "Wire", "Wrong", "checked"]

_HEAD = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r]")


class Wrong(Exception):  # noqa: N818 - a finding
    """A wrong answer, or none where one is due."""


class Reply(NamedTuple):
    """The status, head and body of an answer."""

    status: int
    head: bytes
    body: bytes


class Wire:
    """One caller, who waits `patience` seconds for anything."""

    def __init__(self, address: tuple[str, int], patience: float = 20) -> None:
        self.address, self.patience = address, patience
        self._socket: socket.socket | None = None

    def ask(self, message: Message) -> list[int]:
        """Send a message, and return the statuses of the answers; raise `Wrong`."""
        try:
            if not message.method:
                return self._dump(message.content)
            return [self._whole(message)]
        except TimeoutError:
            self.close()
            raise Wrong(f"nothing for {self.patience:g} s") from None

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _whole(self, message: Message) -> int:
        """Send one request on the open connection, or on a new one where the server has closed it."""
        for _ in range(2):
            fresh = self._socket is None
            at = self._socket = self._socket or self._connected()
            with suppress(ConnectionError):  # the function may answer and close before it has read everything
                at.sendall(message.content)
            try:
                reply, rest = _reply(at, b"", bodiless=message.method == "HEAD")
            except ConnectionError:
                self.close()
                if fresh:
                    raise Wrong("the connection ended without an answer") from None
                continue
            if rest:
                raise Wrong(f"more than an answer came back: {rest[:200]!r}")
            if b"\r\nconnection: close" in reply.head.lower() or reply.status in (400, 413, 401):
                self.close()
            return checked(reply)
        raise Wrong("no connection is to be had")

    def _dump(self, content: bytes) -> list[int]:
        """Send bytes on a connection of their own."""
        found = bytearray()
        with self._connected() as at, suppress(ConnectionError):
            at.sendall(content)
            with suppress(OSError):  # closed already
                at.shutdown(socket.SHUT_WR)
            while piece := at.recv(1 << 16):
                found += piece
        statuses = []
        left = bytes(found)
        while left:
            try:
                reply, left = _reply(None, left, bodiless=False)
            except ConnectionError:  # cut off, because the caller closed first
                if not (head := _HEAD.match(left)):
                    raise Wrong(f"no HTTP came back: {left[:200]!r}") from None
                statuses.append(int(head[1]))
                break
            statuses.append(checked(reply))
        statuses = [status for status in statuses if status != 100]  # `100 Continue` is no answer
        if worst := [status for status in statuses if status >= 500]:
            raise Wrong(f"status {worst[0]}")
        return statuses or [0]

    def _connected(self) -> socket.socket:
        made = socket.create_connection(self.address, timeout=self.patience)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made


def checked(reply: Reply) -> int:
    """Return the status of a right answer; raise `Wrong` for another."""
    if reply.status >= 500:
        raise Wrong(f"status {reply.status}: {reply.body[:300]!r}")
    if b"Traceback" in reply.body:
        raise Wrong(f"a traceback: {reply.body[:300]!r}")
    if b"\r\ncontent-type: application/json" in reply.head.lower() and reply.body:
        try:
            json.loads(reply.body)
        except ValueError:
            raise Wrong(f"no JSON: {reply.body[:300]!r}") from None
    return reply.status


def _reply(at: socket.socket | None, had: bytes, *, bodiless: bool) -> tuple[Reply, bytes]:
    """Return the next answer from the bytes read already and the connection, and the bytes behind it.

    Raise `ConnectionError` when the connection ends before the answer does.
    """
    found = bytearray(had)

    def more() -> None:
        piece = at.recv(1 << 16) if at else b""
        if not piece:
            raise ConnectionError
        found.extend(piece)

    while b"\r\n\r\n" not in found:
        more()
    head, _, _ = bytes(found).partition(b"\r\n\r\n")
    del found[: len(head) + 4]
    status = _HEAD.match(head)
    if not status:
        raise Wrong(f"no HTTP came back: {head[:200]!r}")
    if status[1] == b"100":
        return _reply(at, bytes(found), bodiless=bodiless)
    said = re.search(rb"\r\ncontent-length: *([0-9]+)", head, re.IGNORECASE)
    size = int(said[1]) if said and not bodiless else 0
    while len(found) < size:
        more()
    return Reply(int(status[1]), head, bytes(found[:size])), bytes(found[size:])
