"""The log: one line of JSON on stderr for each event, in the fields that Cloud Logging reads.

A request gets one line and is counted, whatever its transport. Its content is never logged.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

import msgspec

from slipway.serving.answers import Answer

if TYPE_CHECKING:  # the training service logs without the modules of artifacts
    from slipway.serving.bundled import Identity
    from slipway.serving.metrics import Metrics

__all__ = ["Recorded", "Severity", "request_id", "write"]

Severity = Literal["INFO", "WARNING", "ERROR", "CRITICAL"]

_GIVEN = re.compile(r"[\x21-\x7e]{1,128}")
# Later versions may append fields; version ff is invalid, and so are a trace and a parent of zeros only.
# https://www.w3.org/TR/trace-context/#versioning-of-traceparent
_TRACEPARENT = re.compile(
    r"(?!ff|00-.{52}.)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)


def write(severity: Severity, message: str, **fields: Any) -> None:
    """Write one line with the time in UTC, to the millisecond."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    line = {"time": f"{stamp}.{int(now % 1 * 1000):03}Z", "severity": severity, "message": message, **fields}
    # One write for the whole line, so that lines of several threads do not mix.
    sys.stderr.write(msgspec.json.encode(line).decode() + "\n")
    sys.stderr.flush()


def request_id(headers: Mapping[str, str]) -> str:
    """Return the caller's `X-Request-Id`, else the trace of its `traceparent`, else a new id (32 hex digits)."""
    given = headers.get("x-request-id", "")
    if _GIVEN.fullmatch(given):
        return given
    trace = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    return trace[1] if trace else os.urandom(16).hex()


class Recorded:
    """A request that has just come in, to be answered within the block `with Recorded(…) as recorded`.

    `method` and `path` are the caller's, `route` is the function's name for the path. `end` takes the answer; a block
    left without one counts as a caller who went away.
    """

    def __init__(
        self, metrics: Metrics, identity: Identity, method: str, path: str, route: str, request_id: str
    ) -> None:
        self._metrics, self._identity = metrics, identity
        self._method, self._path, self._route, self._request_id = method, path, route, request_id
        self._answered = False
        self._began = time.perf_counter()
        metrics.begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if not self._answered:
            self.end(Answer(499, {"x-request-id": self._request_id}, b"", error="disconnected"))

    def end(self, answer: Answer) -> None:
        """Count and log the answer."""
        self._answered = True
        seconds = time.perf_counter() - self._began
        self._metrics.end(self._route, answer.status, answer.error, seconds)
        optional = {"error": answer.error or None, "rows": answer.rows, "caller": answer.caller or None}
        write(
            "INFO" if answer.status < 500 else "ERROR",
            f"{self._method} {self._path}",
            method=self._method,
            path=self._path,
            status=answer.status,
            milliseconds=round(seconds * 1000, 2),
            **{name: value for name, value in optional.items() if value is not None},
            **self._identity.named(),
            request_id=answer.headers["x-request-id"],
        )
