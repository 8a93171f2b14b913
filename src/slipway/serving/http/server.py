"""The HTTP server: an application over ASGI, and uvicorn, without the layers of functions-framework."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from uvicorn.config import Config
from uvicorn.server import Server

from slipway.errors import SlipwayError
from slipway.serving import log
from slipway.serving.answers import Answer, Refusal, common
from slipway.serving.http import capacity, cors, packing
from slipway.serving.http.application import Application
from slipway.serving.http.connection import Connection
from slipway.serving.http.requests import Request, combined
from slipway.serving.process import GRACE, KEEP_ALIVE, PATIENCE
from slipway.serving.threads import finish, threads, watch

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Any], Awaitable[None]]

_BACKLOG = 2048

# For this time (in seconds) answers announce the end of kept connections, before these are closed.
_FAREWELL = 1

# After an answer that did not wait for the body, a connection is kept when at most so many bytes can follow.
_SHORT = 1 << 18

_CLOSE = {"connection": "close"}


class _Interface:
    """The application, and those at ports of their own, as an ASGI server calls them."""

    def __init__(self, application: Application, apart: Mapping[int, Application]) -> None:
        self._application, self._apart = application, apart
        self.longest = application.longest
        """The length of the longest body that `at_once` takes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await respond(self._asked(scope), scope, receive)
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
        if answer.status != 204:
            headers.append((b"content-length", b"%d" % len(answer.body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    def at_once(self, scope: Scope, body: bytes) -> Answer | None:
        """Answer a request whose body is there, as `respond` does; return None for one that would take long."""
        return at_once(self._asked(scope), scope, body)

    def _asked(self, scope: Scope) -> Application:
        return self._apart.get(scope["server"][1], self._application) if self._apart else self._application


async def respond(application: Application, scope: Scope, receive: Receive) -> Answer:
    """Answer a request, and log it in one line without any of its content."""
    request = _request(application, scope)
    answering = _answer(application, request, receive)
    if application.is_routine(request):
        answer = await answering
    else:
        answer = await log.recorded(request, application.named, application.metrics, answering)
    return _complete(application, scope, request, answer)


def at_once(application: Application, scope: Scope, body: bytes) -> Answer | None:
    """Answer a request as `respond` does, without a task of the event loop; return None for one that would take long.

    A task, and a second turn of the loop for it, cost as much as a brief answer.
    """
    if len(body) > application.longest:
        return None
    request = _request(application, scope)
    began = time.perf_counter()
    try:
        answer = _early(application, request)
        if answer is None:
            if request.method == "POST":
                application.check_size(len(body))
                request.body = body
            answer = _soon(application, request)
        if answer is None:
            return None
    except Exception as error:  # noqa: BLE001 - as in `_answer`
        answer = application.refuse(log.refusal(error, request), request)
    if not request.body:
        _without_body(answer, request)
    if not application.is_routine(request):
        log.record(request, application.named, application.metrics, answer, time.perf_counter() - began)
    return _complete(application, scope, request, answer)


def _request(application: Application, scope: Scope) -> Request:
    path = scope["path"]
    headers = combined([(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]])
    return Request(
        scope["method"], path, application.route(path), headers, log.request_id(headers), scope["query_string"]
    )


def _complete(application: Application, scope: Scope, request: Request, answer: Answer) -> Answer:
    """Add to an answer what all have."""
    answer.headers.update(common(request.id))
    if application.origins:
        cors.allow(application.origins, request, answer)
    if "state" in scope:
        scope["state"]["request_id"] = request.id
    return answer


async def _answer(application: Application, request: Request, receive: Receive) -> Answer:
    try:
        answer = _early(application, request)
        if answer is None:
            if request.method == "POST":
                request.body = await _body(receive, application.check_size)
            answer = _soon(application, request)
        if answer is None:
            work, leaving = partial(_handled, application, request), partial(_left, receive)
            answer = await threads().run(work, request.began, application.seconds, leaving)
    except Exception as error:  # noqa: BLE001 - the server would answer in plain text, uncounted
        answer = application.refuse(log.refusal(error, request), request)
    if not request.body:
        _without_body(answer, request)
    return answer


def _early(application: Application, request: Request) -> Answer | None:
    """Return the answer that needs no body, if there is one; raise `Refusal` for a request that fails the checks."""
    if answer := cors.preflight(application.origins, request):
        return answer
    request.caller = application.admit(request)
    application.check(request)
    return None


def _soon(application: Application, request: Request) -> Answer | None:
    """Return the answer to a request whose answer is brief; None for any other. To unpack a body may take long."""
    if packing.is_packed(request.headers) or not application.is_brief(request):
        return None
    return _handled(application, request)


async def _left(receive: Receive) -> None:
    """Return when the caller of a request, whose body is read, has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _without_body(answer: Answer, request: Request) -> None:
    """Let an answer that did not wait for the body end the connection, unless the body ends soon.

    After `Expect` the caller may leave the body out, and the next request would be taken for it. A body in chunks may
    never end.
    """
    length = request.headers.get("content-length", "0")
    if request.headers.keys() & {"expect", "transfer-encoding"} or not length.isdecimal() or int(length) > _SHORT:
        answer.headers.update(_CLOSE)


def _handled(application: Application, request: Request) -> Answer:
    """Answer a request in whichever thread this is; never raise, for a future takes no `StopIteration`."""
    try:
        if packing.is_packed(request.headers):
            request.body = packing.unpack(request.body, application.check_size)
        return packing.packed(application.answer(request), request.headers)
    except BaseException as error:  # noqa: BLE001 - whatever a model does, its caller gets an answer
        return application.refuse(log.refusal(error, request), request)


async def _body(receive: Receive, check_size: Callable[[int], None]) -> bytes:
    """Return the body; refuse it as soon as it is too large (`check_size` raises), too slow, or cut off."""
    found = bytearray()
    more = True
    try:
        async with asyncio.timeout(PATIENCE):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refusal(499, "disconnected", "the caller went away while sending")
                piece, more = message.get("body", b""), message.get("more_body", False)
                check_size(len(found) + len(piece))
                found += piece
    except TimeoutError:
        told = f"the body was not there after {PATIENCE} seconds"
        raise Refusal(408, "too_slow", told, headers=_CLOSE) from None
    return bytes(found)


def listen(host: str, port: int, variable: str = "PORT") -> socket.socket:
    """Return the socket for `run`; raise `SlipwayError`, which names `variable`, for a port in use or not allowed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, OverflowError) as error:
        fix = f"set {variable} to a free one"
        raise SlipwayError(f"port {port} of {host} cannot be used: {error}", fix=fix) from error
    # uvicorn sends the body after the head, and TCP would delay it by 40 ms. Connections inherit the option.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def run(application: Application, listener: socket.socket, scrapes: socket.socket | None = None) -> None:
    """Serve an application until SIGTERM, and then until every request that has begun is answered.

    Its metrics are served at the socket `scrapes`.
    """
    Connection.answer_for(application)
    # One process that writes its own log, behind proxies whose headers it does not trust.
    config = Config(
        _Interface(application, _apart(application, scrapes)),
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
    _Server(config, application.seconds).run([listener, *([scrapes] if scrapes else [])])
    finish()


def _apart(application: Application, scrapes: socket.socket | None) -> dict[int, Application]:
    """Return the application at the port of the metrics."""
    if scrapes is None or application.metrics is None:
        return {}
    from slipway.serving.http.scrapes import Scrapes  # the training service has none

    return {scrapes.getsockname()[1]: Scrapes(application.named, application.metrics)}


def _protocol() -> Any:
    """Return the class of the protocol; environments with older locks have no httptools."""
    name = "httptools_protocol" if find_spec("httptools") else "framework"
    return import_module(f"slipway.serving.http.{name}").Protocol


class _Server(Server):
    """A server that ends with status 0 on a signal, and loses no request that was sent by then.

    uvicorn itself would end by the signal. It would close idle connections at once, while a request may be on its way,
    and the system would close those that are not accepted yet.
    """

    def __init__(self, config: Config, seconds: float) -> None:
        super().__init__(config)
        self._seconds = seconds

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and watch over the predictions; uvicorn calls this."""
        await super().startup(sockets)
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(capacity.unforeseen)
        watch(loop, self._seconds)

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
