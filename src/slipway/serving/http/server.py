"""The server of a function's own process: uvicorn, without what stands before it in functions-framework."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from uvicorn.config import Config
from uvicorn.server import Server

from slipway.errors import SlipwayError
from slipway.serving.process import GRACE

__all__ = ["KEEP_ALIVE", "listen", "run"]

# In seconds. A usual 5 would close a connection just as Knative's proxy, which keeps idle ones for 90, sends on it.
KEEP_ALIVE = 620

_BACKLOG = 2048

# For how long (in seconds) callers on kept connections are told that these end, before they do.
_FAREWELL = 1


class _Server(Server):
    """One that ends with status 0 when it is told to end, and loses nothing that was sent to it by then.

    uvicorn's own ends by the signal; connections on which nothing is being answered it closes at once, while a request
    may be on its way, and so does the system with those that nobody has accepted yet.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, self.handle_exit)
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn, once it was told to end."""
        began = time.monotonic()
        self._say_farewell()
        await self._accept_last(sockets or [])
        while self.server_state.connections and not self.force_exit:
            # What is idle may as well be answered for as long as something else is.
            if time.monotonic() - began > (GRACE if self.server_state.tasks else _FAREWELL):
                break
            await asyncio.sleep(0.05)
        self.config.timeout_graceful_shutdown = max(1, GRACE - int(time.monotonic() - began))
        await super().shutdown(sockets)

    def _say_farewell(self) -> None:
        """From now on each answer says that its connection ends, those too that were begun before."""
        headers = [*self.server_state.default_headers, (b"connection", b"close")]
        self.server_state.default_headers = headers
        for connection in self.server_state.connections:
            if cycle := getattr(connection, "cycle", None):
                cycle.default_headers = headers

    async def _accept_last(self, listeners: Sequence[socket.socket]) -> None:
        """Take what waits to be accepted, and no more connections after that."""
        loop = asyncio.get_running_loop()
        for listener in listeners:
            loop.remove_reader(listener)
        for _ in range(2):  # what the loop accepted itself becomes a connection: it is lost once its server is closed
            await asyncio.sleep(0)
        waiting = []
        for listener in listeners:
            with suppress(OSError):  # nothing waits any more
                while True:
                    waiting.append(listener.accept()[0])
        for server in self.servers:
            server.close()
        for connection in waiting:
            await loop.connect_accepted_socket(self._protocol, connection)

    def _protocol(self) -> asyncio.Protocol:
        make: Any = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)  # type: ignore[no-any-return]


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
    return import_module(f"slipway.serving.http.{name}_protocol").Protocol
