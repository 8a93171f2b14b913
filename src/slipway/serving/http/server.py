"""The HTTP server of a function's own process: uvicorn, without the layers of functions-framework."""

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
from slipway.serving.process import GRACE, KEEP_ALIVE

_BACKLOG = 2048

# For this time (in seconds) answers announce the end of kept connections, before these are closed.
_FAREWELL = 1


class _Server(Server):
    """A server that ends with status 0 on a signal, and loses no request that was sent by then.

    uvicorn itself would end by the signal. It would close idle connections at once, while a request may be on its way,
    and the system would close those that are not accepted yet.
    """

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, self.handle_exit)
        yield

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what is on its way, and end; uvicorn calls this after the signal."""
        began = time.monotonic()
        self._say_farewell()
        await self._accept_last(sockets or [])
        while self.server_state.connections and not self.force_exit:
            # While one request is still being answered, new ones on idle connections are answered too.
            if time.monotonic() - began > (GRACE if self.server_state.tasks else _FAREWELL):
                break
            await asyncio.sleep(0.05)
        self.config.timeout_graceful_shutdown = max(1, GRACE - int(time.monotonic() - began))
        await super().shutdown(sockets)

    def _say_farewell(self) -> None:
        """Announce the end of its connection in every answer from now on, also in those already begun."""
        headers = [*self.server_state.default_headers, (b"connection", b"close")]
        self.server_state.default_headers = headers
        for connection in self.server_state.connections:
            if cycle := getattr(connection, "cycle", None):
                cycle.default_headers = headers

    async def _accept_last(self, listeners: Sequence[socket.socket]) -> None:
        """Accept the connections that wait, and no more after them."""
        loop = asyncio.get_running_loop()
        for listener in listeners:
            loop.remove_reader(listener)
        for _ in range(2):  # let the loop finish connections that it has accepted: closing the server would lose them
            await asyncio.sleep(0)
        waiting = []
        for listener in listeners:
            with suppress(OSError):  # until nothing waits
                while True:
                    waiting.append(listener.accept()[0])
        for server in self.servers:
            server.close()
        for connection in waiting:
            await loop.connect_accepted_socket(self._connection, connection)

    def _connection(self) -> asyncio.Protocol:
        make: Any = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)  # type: ignore[no-any-return]


def listen(host: str, port: int) -> socket.socket:
    """Return the socket for `run`; raise `SlipwayError` when the port is in use or not allowed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        raise SlipwayError(f"port {port} of {host} cannot be used: {error}", fix="set PORT to a free one") from error
    # uvicorn sends the body after the head, and TCP would delay it by 40 ms. Connections inherit the option.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def run(app: Any, listener: socket.socket) -> None:
    """Serve an ASGI application until SIGTERM, and then until every request that has begun is answered."""
    # One process that writes its own log, behind proxies whose headers it does not trust.
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
    """Return the class of the protocol; environments with older locks have no httptools."""
    name = "httptools_protocol" if find_spec("httptools") else "framework"
    return import_module(f"slipway.serving.http.{name}").Protocol
