"""What functions-framework decides about its server and offers no setting for.

All of it holds for a process that serves one function and nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from gunicorn.config import GracefulTimeout  # type: ignore[import-untyped]
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from uvicorn_worker import UvicornWorker  # type: ignore[import-untyped]

from slipway.serving.http.h11_protocol import Protocol
from slipway.serving.http.server import KEEP_ALIVE
from slipway.serving.process import GRACE

__all__ = ["settle"]

Handler = Callable[[Request], Awaitable[Response]]


def settle(handler: Handler) -> None:
    """Have `handler` answer what would get plain text, finish what it began, keep connections, log no request twice.

    The framework's application answers `/favicon.ico`, `/robots.txt` and unusual methods before the function sees
    them, with an `HTTPException` that Starlette turns into plain text.
    """

    async def answered(_middleware: ExceptionMiddleware, request: Request, exc: Exception) -> Response:  # noqa: ARG001
        return await handler(request)

    ExceptionMiddleware.http_exception = answered  # type: ignore[method-assign,assignment]
    GracefulTimeout.default = GRACE
    UvicornWorker.CONFIG_KWARGS |= {"http": Protocol, "timeout_keep_alive": KEEP_ALIVE, "access_log": False}
