"""HTTP/1.1 by h11, in Python: for functions-framework, and for an environment without httptools."""

from __future__ import annotations

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from slipway.serving.http.requests import no_http

__all__ = ["Protocol"]


class Protocol(H11Protocol):
    """HTTP/1.1 by uvicorn, which refuses anything else in JSON instead of plain text."""

    def send_400_response(self, msg: str) -> None:
        """Refuse a malformed request; uvicorn calls this."""
        answer = no_http(msg)
        headers = [*answer.headers.items(), ("content-length", str(len(answer.body))), ("connection", "close")]
        response = h11.Response(status_code=answer.status, headers=headers, reason="Bad Request")
        for event in (response, h11.Data(data=answer.body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
