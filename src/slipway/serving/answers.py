"""What goes back to a caller: a status, headers and JSON, the same for every transport."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from slipway.schema import MOST, Problem

__all__ = ["Answer", "Refusal", "invalid_rows", "of"]

_LONGEST_NAME = 100

_NONE: Mapping[str, str] = MappingProxyType({})


class Answer(NamedTuple):
    """An HTTP answer; `headers` have lower-case names, `body` is JSON unless they say otherwise.

    For the log, not for the caller: `error` is the code of one that was refused or failed, `rows` how many were
    predicted, `caller` who asked, where that has to be said.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    error: str = ""
    rows: int | None = None
    caller: str = ""


class Refusal(Exception):  # noqa: N818 - it is an answer, given early
    """A request that is not carried out: the status, a word for programs, a sentence for people, and what to mend."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        problems: Sequence[Problem] = (),
        headers: Mapping[str, str] = _NONE,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.problems = problems
        self.headers = headers

    def content(self) -> dict[str, Any]:
        """The error as the answer's JSON tells it."""
        content: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.problems:
            told = (problem._asdict().items() for problem in self.problems)
            content["problems"] = [{name: value for name, value in each if value is not None} for each in told]
        return content


def of(status: int, content: Mapping[str, Any], headers: Mapping[str, str] = _NONE) -> Answer:
    """The answer that tells `content` as JSON."""
    return Answer(status, {"content-type": "application/json", **headers}, msgspec.json.encode(content))


def invalid_rows(problems: Sequence[Problem]) -> Refusal:
    """The refusal of rows that do not fit, which says of each problem where it is."""
    shortened = [problem._replace(field=problem.field[:_LONGEST_NAME]) for problem in problems]
    least = "at least " if len(problems) >= MOST else ""
    more = f" (and {least}{len(problems) - 1} more)" if len(problems) > 1 else ""
    return Refusal(400, "invalid_rows", f"{problems[0]}"[:500] + more, problems=shortened)
