"""Between functions-framework's ASGI side and the function: reading the body, threads, and the log of requests."""

import asyncio
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from slipway.serving import log, receiving
from slipway.serving.answers import Answer, Refusal
from slipway.serving.function import Function

__all__ = ["respond"]


async def respond(function: Function, request: Request) -> Response:
    """Answer `request`, and log it in one line: never what was asked or answered, only that it was."""
    began = time.perf_counter()
    method, path = request.method, request.scope["path"]
    headers = receiving.headers(request)
    if function.is_routine(path, headers):
        answer = await _answer(function, request, method, path, headers)
    else:
        function.metrics.begin()
        answer = await _answer(function, request, method, path, headers)
        seconds = time.perf_counter() - began
        function.metrics.end(function.route(path), answer.status, answer.error, seconds)
        _log(function, method, path, answer, seconds)
    return Response(answer.body, answer.status, answer.headers)


def _log(function: Function, method: str, path: str, answer: Answer, seconds: float) -> None:
    told: dict[str, Any] = {"error": answer.error} if answer.error else {}
    if answer.rows is not None:
        told["rows"] = answer.rows
    log.write(
        "INFO" if answer.status < 500 else "ERROR",
        f"{method} {path}",
        method=method,
        path=path,
        status=answer.status,
        milliseconds=round(seconds * 1000, 2),
        **told,
        model_id=function.identity.model_id,
        release=function.identity.release,
        request_id=answer.headers["x-request-id"],
    )


async def _answer(function: Function, request: Request, method: str, path: str, headers: Mapping[str, str]) -> Answer:
    try:
        function.check(method, path, headers)
        body = await receiving.body(request, function.check_size) if method == "POST" else b""
    except Refusal as refusal:
        return function.refuse(refusal, log.request_id(headers))
    if method != "POST" or function.is_brief(body):
        return function.answer(method, path, headers, body)
    return await asyncio.get_running_loop().run_in_executor(_threads(), function.answer, method, path, headers, body)


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(int(os.environ.get("THREADS") or 4), thread_name_prefix="predict")
