"""Calls from pages of other origins (https://fetch.spec.whatwg.org/#http-cors-protocol), where a setting allows them.

Browsers ask before they send a key, so a question of theirs needs none.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection

from slipway.errors import SlipwayError
from slipway.serving.answers import Answer
from slipway.serving.http.requests import Request
from slipway.serving.process import ORIGINS

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d+)?")

_SENT = "authorization, content-encoding, content-type, inference-header-content-length, traceparent, x-request-id"
_SHOWN = "inference-header-content-length, x-request-id"
_REMEMBERED = "7200"  # seconds, the most of Chromium


def from_environment() -> frozenset[str]:
    """Return the origins in the variable `ORIGINS`; raise `SlipwayError` for what is no origin."""
    found = frozenset(os.environ.get(ORIGINS, "").split())
    for each in sorted(found):
        if not _ORIGIN.fullmatch(each):
            fix = "give origins as browsers send them, in lower case and without a path: https://app.example.org"
            raise SlipwayError(f"{ORIGINS} has {each!r}, which is no origin", fix=fix)
    return found


def preflight(origins: Collection[str], request: Request) -> Answer | None:
    """Return the answer to a browser that asks whether a page may call; None for any other request."""
    asked = request.headers
    if (
        request.method != "OPTIONS"
        or "access-control-request-method" not in asked
        or asked.get("origin") not in origins
    ):
        return None
    allowed = {
        "access-control-allow-methods": "GET, HEAD, POST",
        "access-control-allow-headers": _SENT,
        "access-control-max-age": _REMEMBERED,
    }
    return Answer(204, allowed, b"")


def allow(origins: Collection[str], request: Request, answer: Answer) -> None:
    """Let the page read the answer, with the request's id; caches keep an answer for each origin."""
    answer.headers["vary"] = ", ".join(filter(None, [answer.headers.get("vary"), "origin"]))
    if (origin := request.headers.get("origin")) in origins:
        answer.headers["access-control-allow-origin"] = str(origin)
        answer.headers["access-control-expose-headers"] = _SHOWN
