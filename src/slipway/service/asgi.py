"""Between functions-framework's ASGI side and the service: reading the body, sending files, and the log of requests."""

import asyncio
import time
from collections.abc import Iterator, Mapping

from starlette.background import BackgroundTask
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse

from slipway.service.service import Download, Service
from slipway.serving import log
from slipway.serving.answers import Answer, Refusal

__all__ = ["respond"]

_PATIENCE = 30  # seconds, for a body
_PIECE = 1 << 20  # bytes of a file sent at a time
_QUIET = frozenset({"/health/live", "/health/ready"})


async def respond(service: Service, request: Request) -> Response:
    """Answer `request`, and log it in one line: never what was asked or answered, only that it was."""
    began = time.perf_counter()
    method, path = request.method, request.scope["path"]
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.scope["headers"]}
    found = await _answer(service, request, method, path, headers)
    status = 200 if isinstance(found, Download) else found.status
    if path not in _QUIET or status != 200:
        log.write(
            "INFO" if status < 500 else "ERROR",
            f"{method} {path}",
            method=method,
            path=path,
            status=status,
            milliseconds=round((time.perf_counter() - began) * 1000, 2),
            model=service.identity.model,
            request_id=found.headers["x-request-id"],
        )
    return _sent(found, method) if isinstance(found, Download) else Response(found.body, status, found.headers)


async def _answer(
    service: Service, request: Request, method: str, path: str, headers: Mapping[str, str]
) -> Answer | Download:
    try:
        service.check(method, path, headers)
        body = await _body(service, request) if method == "POST" else b""
    except Refusal as refusal:
        return service.refuse(refusal, log.request_id(headers))
    query = request.scope["query_string"].decode("latin-1")
    return await asyncio.to_thread(service.answer, method, path, query, headers, body)


async def _body(service: Service, request: Request) -> bytes:
    """The body, refused as soon as it is too large, too slow, or cut off."""
    body = bytearray()
    try:
        async with asyncio.timeout(_PATIENCE):
            async for chunk in request.stream():
                service.check_size(len(body) + len(chunk))
                body += chunk
    except TimeoutError:
        raise Refusal(408, "too_slow", f"the body was not there after {_PATIENCE} seconds") from None
    except ClientDisconnect:
        raise Refusal(499, "disconnected", "the caller went away while sending") from None
    return bytes(body)


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
