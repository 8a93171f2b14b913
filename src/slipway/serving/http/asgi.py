"""The function as an ASGI application: it reads bodies, uses threads, and logs requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slipway.serving import log
from slipway.serving.answers import Answer, Refusal
from slipway.serving.function import Function
from slipway.serving.http import requests
from slipway.serving.http.requests import Receive, Scope
from slipway.serving.process import threads

__all__ = ["application", "respond"]

Send = Callable[[Any], Awaitable[None]]


def application(function: Function) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Return the function as an ASGI application."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        answer = await respond(function, scope, receive)
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
        headers.append((b"content-length", b"%d" % len(answer.body)))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    return app


async def respond(function: Function, scope: Scope, receive: Receive) -> Answer:
    """Answer a request, and log it in one line without any of its content."""
    method, path = scope["method"], scope["path"]
    headers = requests.headers(scope)
    headers["x-request-id"] = request_id = log.request_id(headers)
    if function.is_routine(path, headers):
        return await _answer(function, receive, method, path, headers)
    route = function.route(path)
    with log.Recorded(function.metrics, function.identity, method, path, route, request_id) as recorded:
        answer = await _answer(function, receive, method, path, headers)
        recorded.end(answer)
    return answer


async def _answer(function: Function, receive: Receive, method: str, path: str, headers: Mapping[str, str]) -> Answer:
    request_id, caller = headers["x-request-id"], ""
    try:
        caller = function.admit(path, headers)
        answer = await _admitted(function, receive, method, path, headers)
    except Refusal as refusal:
        answer = function.refuse(refusal, request_id, path)
    except Exception as error:  # noqa: BLE001 - the server would answer in plain text, uncounted
        answer = function.refuse(function.failure(error, f"{method} {path}", request_id), request_id, path)
    return answer._replace(caller=caller) if caller else answer


async def _admitted(function: Function, receive: Receive, method: str, path: str, headers: Mapping[str, str]) -> Answer:
    function.check(method, path, headers)
    body = await requests.body(receive, function.check_size) if method == "POST" else b""
    if method != "POST" or function.is_brief(body, path):
        return function.answer(method, path, headers, body)
    return await asyncio.get_running_loop().run_in_executor(threads(), function.answer, method, path, headers, body)
