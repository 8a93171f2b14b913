"""HTTP/1.1 by httptools, in C: a request costs half of what it does by h11, and a start the same."""

from __future__ import annotations

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from slipway.serving.http.connection import Connection

# The longest head or trailers in bytes; h11 has the same limit.
_LONGEST = 1 << 16


class _Parser(HttpToolsProtocol):
    """HTTP/1.1 by uvicorn, which also refuses what httptools is lenient with."""

    _idle = 0  # bytes since the parser last completed a head, a piece of a body, or a message
    _offered = False

    def data_received(self, data: bytes) -> None:
        """Parse data; the event loop calls this."""
        self._unset_keepalive_if_required()
        self._idle += len(data)
        try:
            self._feed(data)
        except HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        else:
            if self._idle > _LONGEST:
                self.send_400_response(f"There are more than {_LONGEST} bytes of headers.")

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
