"""What functions-framework decides about its server and offers no setting for.

Both hold for a process that serves one function and nothing else, which is what an image is.
"""

from collections.abc import Awaitable, Callable

from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from uvicorn_worker import UvicornWorker  # type: ignore[import-untyped]

__all__ = ["settle"]

Handler = Callable[[Request], Awaitable[Response]]

# In seconds. Gunicorn's 2 would close a connection just as Knative's proxy, which keeps idle ones for 90, sends on it.
_KEEP_ALIVE = 620


def settle(handler: Handler) -> None:
    """Have `handler` answer what would get plain text, keep connections open, and log no request twice.

    The framework's application answers `/favicon.ico`, `/robots.txt` and unusual methods before the function sees
    them, with an `HTTPException` that Starlette turns into plain text.
    """

    async def answered(_middleware: ExceptionMiddleware, request: Request, exc: Exception) -> Response:  # noqa: ARG001
        return await handler(request)

    ExceptionMiddleware.http_exception = answered  # type: ignore[method-assign,assignment]
    UvicornWorker.CONFIG_KWARGS |= {"timeout_keep_alive": _KEEP_ALIVE, "access_log": False}
