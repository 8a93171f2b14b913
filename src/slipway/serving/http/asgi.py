"""An application over ASGI: it reads bodies, uses threads, and logs requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slipway.serving import log
from slipway.serving.answers import Answer, Refusal, common
from slipway.serving.http.application import Application
from slipway.serving.http.requests import Request
from slipway.serving.process import threads

Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Any], Awaitable[None]]

# How long (in seconds) a caller may take to send a body.
_PATIENCE = 30


def interface(application: Application) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Return the application as an ASGI server calls it."""

    async def called(scope: Scope, receive: Receive, send: Send) -> None:
        answer = await respond(application, scope, receive)
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
        headers.append((b"content-length", b"%d" % len(answer.body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    return called


async def respond(application: Application, scope: Scope, receive: Receive) -> Answer:
    """Answer a request, and log it in one line without any of its content."""
    path = scope["path"]
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    request = Request(
        scope["method"], path, application.route(path), headers, log.request_id(headers), scope["query_string"]
    )
    if application.is_routine(request):
        answer = await _answer(application, request, receive)
    else:
        with log.Recorded(request, application.named, application.metrics) as recorded:
            answer = await _answer(application, request, receive)
            recorded.end(answer)
    answer.headers.update(common(request.id))
    return answer


async def _answer(application: Application, request: Request, receive: Receive) -> Answer:
    try:
        request.caller = application.admit(request)
        application.check(request)
        if request.method == "POST":
            request.body = await _body(receive, application.check_size)
    except Exception as error:  # noqa: BLE001 - the server would answer in plain text, uncounted
        return application.refuse(log.refusal(error, request), request)
    if application.is_brief(request):
        return _handled(application, request)
    return await asyncio.get_running_loop().run_in_executor(threads(), _handled, application, request)


def _handled(application: Application, request: Request) -> Answer:
    """Answer a request in whichever thread this is; never raise, for a future takes no `StopIteration`."""
    try:
        return application.answer(request)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a model does, its caller gets an answer
        return application.refuse(log.refusal(error, request), request)


async def _body(receive: Receive, check_size: Callable[[int], None]) -> bytes:
    """Return the body; refuse it as soon as it is too large (`check_size` raises), too slow, or cut off."""
    found = bytearray()
    more = True
    try:
        async with asyncio.timeout(_PATIENCE):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refusal(499, "disconnected", "the caller went away while sending")
                piece, more = message.get("body", b""), message.get("more_body", False)
                check_size(len(found) + len(piece))
                found += piece
    except TimeoutError:
        raise Refusal(408, "too_slow", f"the body was not there after {_PATIENCE} seconds") from None
    return bytes(found)
