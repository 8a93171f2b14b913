"""The metrics of a function that is asked over gRPC: on a port of their own, for Prometheus asks over HTTP/1.1."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from slipway.errors import SlipwayError
from slipway.serving.metrics import CONTENT_TYPE, Metrics

__all__ = ["PORT", "served"]

PORT = "SLIPWAY_METRICS_PORT"
"""The variable that says which port; without it nothing is served."""


@contextmanager
def served(metrics: Metrics, host: str, port: int) -> Iterator[None]:
    """Answer `GET /metrics` while the block runs; raises `SlipwayError` when the port is in use."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # seconds

        def do_GET(self) -> None:
            found = self.path == "/metrics"
            body = metrics.format() if found else b"there is /metrics\n"
            self.send_response(200 if found else 404)
            self.send_header("content-type", CONTENT_TYPE if found else "text/plain")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - a look at the metrics is no news
            pass

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise SlipwayError(f"port {port} of {host} cannot be used: {error}", fix=f"set {PORT} to a free one") from error
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
