"""HTTP/1.1 by httptools, in C: each request costs half of what it does by h11, and no start more."""

from __future__ import annotations

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from slipway.serving.http.bodies import no_http

__all__ = ["Protocol"]

# Bytes of a head, or of trailers, that may come without ever making a request; h11 has the same limit.
_LONGEST = 1 << 16


class Protocol(HttpToolsProtocol):
    """HTTP/1.1 as uvicorn speaks it; what is none is refused in JSON, and what httptools lets pass is refused too."""

    _idle = 0  # bytes since the parser last told of a head, of a piece of a body, or of an end
    _offered = False

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
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
        """Read a request with `Upgrade` (as Java's client sends) once more without it: the parser left out its body."""
        version = self.parser.get_http_version().encode()
        line = b"%s %s HTTP/%s\r\n" % (self.parser.get_method(), self.url, version)
        kept = [b"%s: %s\r\n" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = HttpRequestParser(self)
        self._feed(b"".join([line, *kept, b"\r\n", rest]))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser, for trailers too, of which nothing here makes use."""
        if "method" not in self.scope:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._idle = 0
        hosts = sum(name == b"host" for name, _ in self.headers)
        if hosts > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            raise ValueError("not one host")  # which the parser makes its own error of
        self._offered = self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"
        if not self._offered:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._idle = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Called by the parser."""
        self._idle = 0
        if not self._offered:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, and hang up."""
        answer = no_http(msg)
        headers = {**answer.headers, "content-length": str(len(answer.body)), "connection": "close"}
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.transport.write(STATUS_LINE[answer.status] + lines.encode() + b"\r\n" + answer.body)
        self.transport.close()
