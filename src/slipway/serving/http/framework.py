"""The settings of functions-framework's server, for which it offers no options of its own.

They suit a process that serves one function and nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gunicorn.config import GracefulTimeout  # type: ignore[import-untyped]
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from uvicorn_worker import UvicornWorker  # type: ignore[import-untyped]

from slipway.serving.http.h11_protocol import Protocol
from slipway.serving.process import GRACE, KEEP_ALIVE

__all__ = ["settle"]

Handler = Callable[[Request], Awaitable[Response]]


def settle(handler: Handler) -> None:
    """Let `handler` answer every request, end gracefully, keep connections, and log no request twice.

    The framework's application would answer `/favicon.ico`, `/robots.txt` and unusual methods itself: it raises an
    `HTTPException`, which Starlette turns into plain text.
    """

    async def answered(_middleware: ExceptionMiddleware, request: Request, exc: Exception) -> Response:  # noqa: ARG001
        return await handler(request)

    ExceptionMiddleware.http_exception = answered  # type: ignore[method-assign,assignment]
    GracefulTimeout.default = GRACE
    UvicornWorker.CONFIG_KWARGS |= {"http": Protocol, "timeout_keep_alive": KEEP_ALIVE, "access_log": False}
