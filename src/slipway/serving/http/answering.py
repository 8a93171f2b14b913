"""An answer as HTTP/1.1 has it, head and body in one piece."""

from __future__ import annotations

from functools import cache
from http import HTTPStatus
from typing import Any

from slipway.serving.answers import Answer

_CLOSE = (b"connection", b"close")


def written(answer: Answer, cycle: Any) -> bytes:
    """Return the answer in bytes; uvicorn's `cycle` of its request says which headers all have, and how it ends.

    The connection is not kept if a header says so.
    """
    lines = [_status_line(answer.status)]
    lines += [b"%s: %s" % header for header in cycle.default_headers]
    lines += [f"{name}: {value}".encode("latin-1") for name, value in answer.headers.items()]
    if answer.status != 204:
        lines.append(b"content-length: %d" % len(answer.body))
    closes = answer.headers.get("connection") == "close" or _CLOSE in cycle.default_headers
    if closes:
        cycle.keep_alive = False
    elif not cycle.keep_alive:
        lines.append(b"connection: close")
    head = b"\r\n".join(lines)
    if head.count(b"\n") != len(lines) - 1:
        raise ValueError("a header has a line break")
    return b"%s\r\n\r\n%s" % (head, b"" if cycle.scope["method"] == "HEAD" else answer.body)


@cache
def _status_line(status: int) -> bytes:
    phrase = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    return f"HTTP/1.1 {status} {phrase}".encode()
