"""An application within functions-framework: its answers, its HTTP by h11, and settings of its server.

The settings suit a process that serves one function and nothing else; functions-framework has no options for them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from typing import BinaryIO

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from slipway.serving.http import server
from slipway.serving.http.application import Application
from slipway.serving.http.connection import Connection
from slipway.serving.process import GRACE, KEEP_ALIVE

_PIECE = 1 << 20  # bytes of a file sent at a time


async def respond(application: Application, request: Request) -> Response:
    """Answer a request."""
    answer = await server.respond(application, request.scope, request.receive)
    if answer.file is None or request.method == "HEAD":
        return Response(answer.body, answer.status, answer.headers)
    return StreamingResponse(_pieces(answer.file), answer.status, answer.headers)


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE):
            yield piece


def settle(handler: Callable[[Request], Awaitable[Response]], application: Application) -> None:
    """Let `handler` answer every request for `application`, end gracefully, keep connections, and log no request twice.

    The framework's application would answer `/favicon.ico`, `/robots.txt` and unusual methods itself: it raises an
    `HTTPException`, which Starlette turns into plain text.
    """
    # An environment without httptools gets `Protocol` from here, and does without these.
    from gunicorn.config import GracefulTimeout  # type: ignore[import-untyped]
    from starlette.middleware.exceptions import ExceptionMiddleware
    from uvicorn_worker import UvicornWorker  # type: ignore[import-untyped]

    async def answered(_middleware: ExceptionMiddleware, request: Request, exc: Exception) -> Response:  # noqa: ARG001
        return await handler(request)

    Connection.answer_for(application)
    ExceptionMiddleware.http_exception = answered  # type: ignore[method-assign,assignment]
    GracefulTimeout.default = GRACE
    UvicornWorker.CONFIG_KWARGS |= {"http": Protocol, "timeout_keep_alive": KEEP_ALIVE, "access_log": False}


class Protocol(Connection, H11Protocol):  # type: ignore[misc]  # uvicorn keeps none after its end of data
    """A connection whose requests h11 parses."""
