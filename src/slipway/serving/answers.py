"""What goes back to a caller: a status, headers and JSON, the same for every transport."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec

from slipway.schema import Problem

__all__ = ["Answer", "Refusal", "of"]

_NONE: Mapping[str, str] = MappingProxyType({})


class Answer(NamedTuple):
    """An HTTP answer; `headers` have lower-case names, `body` is JSON unless they say otherwise.

    For the log, not for the caller: `error` is the code of one that was refused or failed, `rows` how many were
    predicted.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    error: str = ""
    rows: int | None = None


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
            content["problems"] = [problem._asdict() for problem in self.problems]
        return content


def of(status: int, content: Mapping[str, Any], headers: Mapping[str, str] = _NONE) -> Answer:
    """The answer that tells `content` as JSON."""
    return Answer(status, {"content-type": "application/json", **headers}, msgspec.json.encode(content))
