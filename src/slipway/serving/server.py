"""What functions-framework decides about its server and offers no setting for.

All of it holds for a process that serves one function and nothing else, which is what an image is.
"""

from collections.abc import Awaitable, Callable

import h11
from gunicorn.config import GracefulTimeout  # type: ignore[import-untyped]
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn_worker import UvicornWorker  # type: ignore[import-untyped]

from slipway.serving.answers import of

__all__ = ["settle"]

Handler = Callable[[Request], Awaitable[Response]]

# In seconds. Gunicorn's 2 would close a connection just as Knative's proxy, which keeps idle ones for 90, sends on it.
_KEEP_ALIVE = 620

# In seconds, of the time between SIGTERM and the end: as long as the longest `scale.timeout`, for who ends a function
# knows how long its requests may take (Kubernetes kills after `timeoutSeconds`). Gunicorn's 30 would cut them off.
_GRACE = 600


class _Protocol(H11Protocol):
    """HTTP/1.1 as uvicorn speaks it; what is none is refused in JSON, not in plain text."""

    def send_400_response(self, msg: str) -> None:
        answer = of(400, {"status": "error", "error": {"code": "invalid_http", "message": msg}})
        headers = [*answer.headers.items(), ("content-length", str(len(answer.body))), ("connection", "close")]
        response = h11.Response(status_code=answer.status, headers=headers, reason="Bad Request")
        for event in (response, h11.Data(data=answer.body), h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


def settle(handler: Handler) -> None:
    """Have `handler` answer what would get plain text, finish what it began, keep connections, log no request twice.

    The framework's application answers `/favicon.ico`, `/robots.txt` and unusual methods before the function sees
    them, with an `HTTPException` that Starlette turns into plain text.
    """

    async def answered(_middleware: ExceptionMiddleware, request: Request, exc: Exception) -> Response:  # noqa: ARG001
        return await handler(request)

    ExceptionMiddleware.http_exception = answered  # type: ignore[method-assign,assignment]
    GracefulTimeout.default = _GRACE
    UvicornWorker.CONFIG_KWARGS |= {"http": _Protocol, "timeout_keep_alive": _KEEP_ALIVE, "access_log": False}
