"""What is kept of a request, whatever it came by: a line in the log, and counts. Never what was in it."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self

from slipway.serving import log
from slipway.serving.answers import Answer
from slipway.serving.function import Function

__all__ = ["Recorded"]


class Recorded:
    """A request that came in just now: `method` and `path` as they were given, `route` as the function names it.

    It is answered within the block, `with Recorded(…) as recorded`, and `recorded.end` says how. One that leaves the
    block without an answer counts as that of a caller who went away.
    """

    def __init__(self, function: Function, method: str, path: str, route: str, request_id: str) -> None:
        self._function, self._method, self._path, self._route = function, method, path, route
        self._request_id = request_id
        self._answered = False
        self._began = time.perf_counter()
        function.metrics.begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if not self._answered:
            self.end(Answer(499, {"x-request-id": self._request_id}, b"", error="disconnected"))

    def end(self, answer: Answer) -> None:
        """It was answered so, or will be in no time."""
        self._answered = True
        seconds = time.perf_counter() - self._began
        self._function.metrics.end(self._route, answer.status, answer.error, seconds)
        told: dict[str, Any] = {"error": answer.error} if answer.error else {}
        if answer.rows is not None:
            told["rows"] = answer.rows
        if answer.caller:
            told["caller"] = answer.caller
        log.write(
            "INFO" if answer.status < 500 else "ERROR",
            f"{self._method} {self._path}",
            method=self._method,
            path=self._path,
            status=answer.status,
            milliseconds=round(seconds * 1000, 2),
            **told,
            model_id=self._function.identity.model_id,
            release=self._function.identity.release,
            request_id=answer.headers["x-request-id"],
        )
