"""The server of a function's own process: uvicorn, without what stands before it in functions-framework."""

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from uvicorn.config import Config
from uvicorn.server import Server

from slipway.errors import SlipwayError
from slipway.serving.ending import GRACE

__all__ = ["KEEP_ALIVE", "listen", "run"]

# In seconds. A usual 5 would close a connection just as Knative's proxy, which keeps idle ones for 90, sends on it.
KEEP_ALIVE = 620

_BACKLOG = 2048


class _Server(Server):
    """One that ends with status 0 when it is told to end; uvicorn's own ends by the signal."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, self.handle_exit)
        yield


def listen(host: str, port: int) -> socket.socket:
    """What `run` takes connections from; raises `SlipwayError` when the port is in use, or not to be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        raise SlipwayError(f"port {port} of {host} cannot be used: {error}", fix="set PORT to a free one") from error
    # For all its connections: uvicorn sends the body after the head, and TCP would hold it back for 40 ms.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def run(app: Any, listener: socket.socket) -> None:
    """Serve an ASGI application until SIGTERM, and then until all that was begun is answered."""
    # One process, which logs by itself, behind proxies of which nothing is believed.
    config = Config(
        app,
        http=_protocol(),
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE,
        timeout_graceful_shutdown=GRACE,
        backlog=_BACKLOG,
    )
    _Server(config).run([listener])


def _protocol() -> Any:
    """An environment that was locked before it was wanted has no httptools."""
    name = "httptools" if find_spec("httptools") else "h11"
    return import_module(f"slipway.serving.{name}_protocol").Protocol
