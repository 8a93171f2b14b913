"""Answers to a caller: a status, headers and JSON, the same for every transport."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, BinaryIO, NamedTuple

import msgspec

from slipway.schema import MOST, Problem

_LONGEST_NAME = 100

Headers = Mapping[str, str]
_NONE: Headers = MappingProxyType({})


class Answer(NamedTuple):
    """An HTTP answer; `headers` have lower-case names, and `body` is JSON unless they name another type.

    The log, and not the caller, gets `error`, the code of a refusal or a failure, and the number of predicted `rows`.
    A `file` is sent in place of the body.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    error: str = ""
    rows: int | None = None
    file: BinaryIO | None = None


class Refusal(Exception):  # noqa: N818 - it is an early answer, no failure
    """The refusal of a request: its status, a code for programs, a message for people, and the problems to mend."""

    rows: int | None = None

    def __init__(
        self, status: int, code: str, message: str, *, problems: Sequence[Problem] = (), headers: Headers = _NONE
    ) -> None:
        super().__init__(message)
        self.status, self.error, self.message = status, code, message
        self.problems, self.headers = problems, headers

    def content(self) -> dict[str, Any]:
        """Return the error as JSON has it."""
        content: dict[str, Any] = {"code": self.error, "message": self.message}
        if self.problems:
            fields = (problem._asdict().items() for problem in self.problems)
            content["problems"] = [{name: value for name, value in each if value is not None} for each in fields]
        return content


def of(
    status: int, content: Mapping[str, Any], headers: Headers = _NONE, *, error: str = "", rows: int | None = None
) -> Answer:
    """Return an answer with `content` as JSON."""
    return Answer(status, {"content-type": "application/json", **headers}, msgspec.json.encode(content), error, rows)


def common(request_id: str) -> dict[str, str]:
    """Return the headers of every answer: over HTTP, and as trailing metadata over gRPC."""
    return {"x-request-id": request_id}


def invalid_rows(problems: Sequence[Problem]) -> Refusal:
    """Return the refusal (400) of rows that do not fit, with row and field of each problem."""
    shortened = [problem._replace(field=problem.field[:_LONGEST_NAME]) for problem in problems]
    least = "at least " if len(problems) >= MOST else ""
    more = f" (and {least}{len(problems) - 1} more)" if len(problems) > 1 else ""
    return Refusal(400, "invalid_rows", f"{problems[0]}"[:500] + more, problems=shortened)
