"""Between functions-framework's ASGI side and the service: reading the body, sending files, and the log of requests."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from slipway.serving import log
from slipway.serving.answers import Answer, Refusal
from slipway.serving.http import bodies
from slipway.training.service.service import Download, Service

__all__ = ["respond"]

_PIECE = 1 << 20  # bytes of a file sent at a time
_QUIET = frozenset({"/health/live", "/health/ready"})


async def respond(service: Service, request: Request) -> Response:
    """Answer `request`, and log it in one line: never what was asked or answered, only that it was."""
    began = time.perf_counter()
    method, path = request.method, request.scope["path"]
    headers = bodies.headers(request.scope)
    caller, found = await _answer(service, request, method, path, headers)
    status = 200 if isinstance(found, Download) else found.status
    if path not in _QUIET or status != 200:
        log.write(
            "INFO" if status < 500 else "ERROR",
            f"{method} {path}",
            method=method,
            path=path,
            status=status,
            milliseconds=round((time.perf_counter() - began) * 1000, 2),
            **({"caller": caller} if caller else {}),
            model=service.identity.model,
            request_id=found.headers["x-request-id"],
        )
    return _sent(found, method) if isinstance(found, Download) else Response(found.body, status, found.headers)


async def _answer(
    service: Service, request: Request, method: str, path: str, headers: Mapping[str, str]
) -> tuple[str, Answer | Download]:
    """The name of who asks, and the answer."""
    caller = ""
    try:
        caller = service.check(method, path, headers)
        body = await bodies.body(request.receive, service.check_size) if method == "POST" else b""
    except Refusal as refusal:
        return caller, service.refuse(refusal, log.request_id(headers))
    query = request.scope["query_string"].decode("latin-1")
    return caller, await asyncio.to_thread(service.answer, method, path, query, headers, body)


def _sent(found: Download, method: str) -> Response:
    tidy = BackgroundTask(found.folder.cleanup)
    if method == "HEAD":
        return Response(b"", 200, found.headers, background=tidy)
    return StreamingResponse(_pieces(found), 200, found.headers, background=tidy)


def _pieces(found: Download) -> Iterator[bytes]:
    # The caller may go away in the middle, and then nothing runs after the answer.
    with found.folder, found.file.open("rb") as file:
        while piece := file.read(_PIECE):
            yield piece
