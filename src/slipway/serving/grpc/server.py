"""The gRPC server (`SLIPWAY_PROTOCOL=grpc`), and its metrics over HTTP/1.1 on another port.

It serves the Open Inference Protocol and gRPC's own health checks with the same function as HTTP: the same checks at
the start, limits, access, log and metrics. A port speaks either HTTP/1.1 or gRPC, and Prometheus asks over HTTP/1.1.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc.aio

from slipway.errors import SlipwayError
from slipway.serving.function import Function
from slipway.serving.grpc.calls import Calls
from slipway.serving.http.requests import METRICS
from slipway.serving.metrics import CONTENT_TYPE, Metrics
from slipway.serving.process import GRACE, METRICS_PORT, setting

# We refuse a message of up to this many times the limit and log that; gRPC itself refuses a larger one.
_MARGIN = 2


def run(function: Function, host: str, port: int) -> None:
    """Serve until SIGTERM, and then until every call that has begun is answered.

    Raise `SlipwayError` when a port is in use or invalid.
    """
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    with_metrics = os.environ.get(METRICS_PORT)
    with _metrics(function.metrics, host, setting(METRICS_PORT, 0)) if with_metrics else nullcontext():
        asyncio.run(_serve(function, address))


async def _serve(function: Function, address: str) -> None:
    options = [("grpc.max_receive_message_length", _MARGIN * function.limits.body), ("grpc.so_reuseport", 0)]
    server = grpc.aio.server(options=options)
    server.add_generic_rpc_handlers((Calls(function),))
    try:
        server.add_insecure_port(address)
    except RuntimeError as error:
        raise SlipwayError(f"{address} cannot be listened at: {error}", fix="set PORT to a free one") from error
    ended = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, ended.set)
    await server.start()
    await ended.wait()
    await server.stop(GRACE)


@contextmanager
def _metrics(metrics: Metrics, host: str, port: int) -> Iterator[None]:
    """Answer `GET /metrics` while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # seconds

        def do_GET(self) -> None:
            found = self.path == METRICS
            body = metrics.format() if found else f"there is {METRICS}\n".encode()
            self.send_response(200 if found else 404)
            self.send_header("content-type", CONTENT_TYPE if found else "text/plain")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Log no scrape."""

    try:
        server = ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        fix = f"set {METRICS_PORT} to a free one"
        raise SlipwayError(f"port {port} of {host} cannot be used: {error}", fix=fix) from error
    with server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield
        finally:
            server.shutdown()
