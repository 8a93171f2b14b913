"""The log: one line of JSON on stderr for each event, in the fields that Cloud Logging reads.

A request gets one line and is counted, whatever its transport. Its content is never logged.
"""

from __future__ import annotations

import io
import json
import os
import re
import sys
import time
import traceback
from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import msgspec

from slipway.errors import SlipwayError
from slipway.serving.answers import Answer, Refusal
from slipway.serving.http.requests import Request
from slipway.serving.process import LOST
from slipway.text import cut

if TYPE_CHECKING:  # the training service logs without the modules of artifacts
    from slipway.serving.metrics import Metrics

T = TypeVar("T", Answer, Answer | Refusal)
Severity = Literal["INFO", "WARNING", "ERROR", "CRITICAL"]

_LEFT = Answer(499, {}, b"", error="disconnected")

_LONGEST = 300  # characters of a path

_GIVEN = re.compile(r"[\x21-\x7e]{1,128}")
# Later versions may append fields; version ff is invalid, and so are a trace and a parent of zeros only.
# https://www.w3.org/TR/trace-context/#versioning-of-traceparent
_TRACEPARENT = re.compile(
    r"(?!ff|00-.{52}.)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)


def write(severity: Severity, message: str, **fields: Any) -> None:
    """Write one line with the time in UTC, to the millisecond; count one that cannot be written in `LOST`."""
    now = time.time()
    stamp = f"{_second(int(now))}.{int(now % 1 * 1000):03}Z"
    line = {"time": stamp, "severity": severity, "message": message, **fields}
    # One write for the whole line, so that lines of several threads do not mix.
    text = _harmless(msgspec.json.encode(line)) + b"\n"
    try:
        # Without a buffer: a line that could not be written would fail again, at the latest at the end of the process.
        os.write(sys.stderr.fileno(), text)
    except io.UnsupportedOperation:  # a stream without a file, as notebooks have
        sys.stderr.write(text.decode())
    except (OSError, ValueError):  # a broken pipe, a full disk or a closed stream must not cost a caller the answer
        LOST["lines"] += 1


@lru_cache(maxsize=2)
def _second(now: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))


def _harmless(text: bytes) -> bytes:
    """Return JSON with an escape for each character that could steer the terminal in which somebody reads it."""
    if text.isascii() and b"\x7f" not in text:  # JSON itself escapes those below the blank
        return text
    return "".join(each if each.isprintable() else json.dumps(each)[1:-1] for each in text.decode()).encode()


@contextmanager
def or_exit() -> Iterator[None]:
    """Log in one line why the block fails, and exit with status 1."""
    try:
        yield
        return
    except SlipwayError as error:
        problem, more = error.problem, {"fix": error.fix}
    except BaseException as error:  # noqa: BLE001 - a model's code can raise anything while it is loaded
        problem, more = f"{type(error).__name__}: {error}", {"traceback": _traced(error)}
    identity = {"model_id": os.environ.get("MODEL_ID", ""), "release": os.environ.get("RELEASE", "")}
    write("CRITICAL", f"the function does not start: {problem}", **identity, **more)
    sys.exit(1)


def refusal(error: BaseException, request: Request) -> Refusal:
    """Return `error` if it is a refusal; else log it, and return the refusal (500) that names the request's id."""
    if isinstance(error, Refusal):
        return error
    what = f"{type(error).__name__} while answering {request.method} {cut(request.path, _LONGEST)}"
    write("ERROR", what, request_id=request.id, traceback=_traced(error))
    return Refusal(500, "internal", f"the function failed; its log has the reason under request id {request.id}")


def _traced(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))


def trace_id(headers: Mapping[str, str]) -> str:
    """Return the trace in the caller's `traceparent`, or ""."""
    given = headers.get("traceparent")
    trace = _TRACEPARENT.fullmatch(given) if given else None
    return trace[1] if trace else ""


def request_id(headers: Mapping[str, str]) -> str:
    """Return the caller's `X-Request-Id`, else the trace of its `traceparent`, else a new id (32 hex digits)."""
    given = headers.get("x-request-id")
    if given and _GIVEN.fullmatch(given):
        return given
    return trace_id(headers) or os.urandom(16).hex()


async def recorded(request: Request, named: Mapping[str, str], metrics: Metrics | None, answering: Awaitable[T]) -> T:
    """Return what answers a request that has just come in, and count and log it; `named` says who answers.

    An answer that is cancelled counts as one to a caller who went away.
    """
    began = time.perf_counter()
    if metrics:
        metrics.begin()
    answer: Answer | Refusal = _LEFT
    try:
        answer = found = await answering
        return found
    finally:
        _end(request, named, metrics, answer, time.perf_counter() - began)


def record(request: Request, named: Mapping[str, str], metrics: Metrics | None, answer: Answer, seconds: float) -> None:
    """Count and log a request that was answered at once, as `recorded` does."""
    if metrics:
        metrics.begin()
    _end(request, named, metrics, answer, seconds)


def invalid(message: str, named: Mapping[str, str], metrics: Metrics | None) -> str:
    """Count and log what is no HTTP, which no application sees; return the id of the line."""
    if metrics:
        metrics.begin()
        metrics.end("other", 400, "invalid_http", 0.0)
    own = request_id({})
    write("INFO", message, status=400, milliseconds=0.0, error="invalid_http", **named, request_id=own)
    return own


def _end(
    request: Request, named: Mapping[str, str], metrics: Metrics | None, answer: Answer | Refusal, seconds: float
) -> None:
    if metrics:
        metrics.end(request.counted, answer.status, answer.error, seconds)
    _tell(request, named, answer, seconds)


def _tell(request: Request, named: Mapping[str, str], answer: Answer | Refusal, seconds: float) -> None:
    path = cut(request.path, _LONGEST)
    fields: dict[str, Any] = {"method": request.method, "path": path, "status": answer.status}
    fields["milliseconds"] = round(seconds * 1000, 2)
    if answer.error:
        fields["error"] = answer.error
    if answer.rows is not None:
        fields["rows"] = answer.rows
    if request.caller:
        fields["caller"] = request.caller
    fields.update(named, request_id=request.id)
    if trace := trace_id(request.headers):
        fields["trace_id"] = trace
    write("INFO" if answer.status < 500 else "ERROR", f"{request.method} {path}", **fields)
