"""HTTP/1.1 by httptools, in C: a request costs half of what it does by h11, and a start the same."""

from __future__ import annotations

import asyncio
from typing import Any

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from slipway.serving.http.answering import written
from slipway.serving.http.connection import Connection

# The longest head or trailers in bytes; h11 has the same limit.
_LONGEST = 1 << 16

# A body that comes in several pieces is there in so many seconds, or the request gets a task that waits for it.
_SOON = 0.02


class _Parser(HttpToolsProtocol):
    """HTTP/1.1 by uvicorn, which also refuses what httptools is lenient with."""

    _idle = 0  # bytes since the parser last completed a head, a piece of a body, or a message
    _offered = False

    # A request without a task yet: uvicorn's cycle of it, and its application.
    _held: tuple[Any, Any] | None = None
    _holding: asyncio.TimerHandle | None = None
    _feeding = False

    def data_received(self, data: bytes) -> None:
        """Parse data; the event loop calls this."""
        self._unset_keepalive_if_required()
        self._idle += len(data)
        self._feeding = True
        try:
            self._feed(data)
        except HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        else:
            if self._idle > _LONGEST:
                self.send_400_response(f"There are more than {_LONGEST} bytes of headers.")
        self._feeding = False
        if self._held:
            self._go_on(*self._held)

    def connection_lost(self, exc: Exception | None) -> None:
        """End; the event loop calls this."""
        super().connection_lost(exc)
        self._begin_task()

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """Begin to answer; uvicorn calls this when a head is there, or when the answer before is sent."""
        if self._feeding:  # the body may follow at once
            self._held = cycle, app
        else:
            super()._start_asgi_task(cycle, app)

    def _go_on(self, cycle: Any, app: Any) -> None:
        """Answer the held request if it is there and brief; else wait a little for its body, or begin a task."""
        if cycle.more_body and (self._holding or self._comes_soon(app.longest)):
            self._holding = self._holding or self.loop.call_later(_SOON, self._begin_task)
            self.flow.resume_reading()
        elif cycle.more_body or not self._answer(cycle, app):
            self._begin_task()

    def _comes_soon(self, longest: int) -> bool:
        head = dict(self.headers)
        length = head.get(b"content-length", b"")
        return b"expect" not in head and length.isdigit() and int(length) <= longest

    def _answer(self, cycle: Any, app: Any) -> bool:
        """Answer a request without a task; return False if that would take long, or somebody has to wait."""
        if self.flow.write_paused or (answer := app.at_once(cycle.scope, bytes(cycle.body))) is None:
            return False
        self._release()
        self.transport.write(written(answer, cycle))
        cycle.response_started = cycle.response_complete = True
        if not cycle.keep_alive:
            self.transport.close()
        self.on_response_complete()
        return True

    def _begin_task(self) -> None:
        if self._held:
            held = self._held
            self._release()
            super()._start_asgi_task(*held)

    def _release(self) -> None:
        self._held = None
        if self._holding:
            self._holding.cancel()
            self._holding = None

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except HttpParserUpgrade as offer:
            self._pass_over(data[offer.args[0] :])

    def _pass_over(self, rest: bytes) -> None:
        """Parse a request again without its `Upgrade` (Java's client sends one): the parser skipped its body."""
        version = self.parser.get_http_version().encode()
        line = b"%s %s HTTP/%s\r\n" % (self.parser.get_method(), self.url, version)
        kept = [b"%s: %s\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = HttpRequestParser(self)
        self._feed(b"".join([line, *kept, b"\r\n", rest]))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; the parser calls this for trailers too, which nothing here uses."""
        if "method" not in self.scope:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Check the head; the parser calls this."""
        self._idle = 0
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            raise ValueError("not one host")  # the parser turns it into an error of its own
        self._offered = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if not self._offered:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body; the parser calls this."""
        self._idle = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request; the parser calls this."""
        self._idle = 0
        if not self._offered:
            super().on_message_complete()


class Protocol(Connection, _Parser):  # type: ignore[misc]  # uvicorn keeps none after its end of data
    """A connection whose requests httptools parses."""
