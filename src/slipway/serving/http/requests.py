"""Requests: their paths and methods, and their headers and bodies within limits.

A path may have names in braces, as `/v2/models/{model}/infer`: each stands for one part of a request's path.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from functools import cache
from typing import Any, NamedTuple, NoReturn, TypeVar

from slipway.serving.answers import Answer, Refusal, of

T = TypeVar("T")
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]

PREDICT = "/predict"
LIVE, READY = "/health/live", "/health/ready"
V2, V2_LIVE, V2_READY = "/v2", "/v2/health/live", "/v2/health/ready"

PROBES = frozenset({LIVE, READY, V2_LIVE, V2_READY})
"""The probes, which Kubernetes sends every few seconds."""

METRICS = "/metrics"

PAGE = "/docs"
"""The page of documentation, open to everybody: it asks for its content with the reader's key."""

MODELS = ("/v2/models/{model}", "/v2/models/{model}/versions/{version}")
"""A model in the Open Inference Protocol, and a version of it; further parts are the same for both."""

INFERENCE = {
    **{f"{each}/infer": "POST" for each in MODELS},
    **{f"{each}{end}": "GET" for each in MODELS for end in ("", "/ready")},
    **dict.fromkeys((V2, V2_LIVE, V2_READY), "GET"),
}
"""The paths of the Open Inference Protocol, each with its method."""

# Every proxy adds it, and Knative's own proxy handles each request that comes by a Route or a Service.
_FORWARDED = "x-forwarded-for"

# How long (in seconds) a caller may take to send a body.
_PATIENCE = 30

_JSON = re.compile(r"application/(json|[\w.!#$&^+-]+\+json)", re.IGNORECASE)
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([^\s\";]+)", re.IGNORECASE)
_SURROGATE = re.compile(r"\\ud[89a-f]", re.IGNORECASE)


class Request(NamedTuple):
    """A request: the caller's path, the function's name for it (`route`), headers and body."""

    path: str
    route: str
    headers: Mapping[str, str]
    body: bytes


def known(paths: Mapping[str, object], path: str) -> str | None:
    """Return the path as in `paths`, or None: `/predict` for `/predict/`, `/v2/models/{model}` for `/v2/models/a`."""
    if path in paths:
        return path
    path = path.rstrip("/") or "/"
    if path in paths:
        return path
    return next((route for route in paths if "{" in route and _pattern(route).fullmatch(path)), None)


def named(route: str, path: str) -> dict[str, str]:
    """Return the parts of `path` by the names in `route`: {"model": "iris"}."""
    match = _pattern(route).fullmatch(path.rstrip("/"))
    return match.groupdict() if match else {}


def choose(paths: Mapping[str, object], methods: Mapping[str, T] | None, method: str) -> T:
    """Return the entry for `method` among the `methods` of a path; HEAD counts as GET.

    Raise `Refusal`: 405 that lists the methods, or 404 that lists the `paths` where there are no methods.
    """
    if methods is None:
        raise Refusal(404, "not_found", f"there is no such path; there are {', '.join(paths)}")
    found = methods.get("GET" if method == "HEAD" else method)
    if found is None:
        allowed = ", ".join([*methods, "HEAD"] if "GET" in methods else methods)
        message = f"{method[:20]} is not for this path; it takes {allowed}"
        raise Refusal(405, "method_not_allowed", message, headers={"allow": allowed})
    return found


@cache
def _pattern(route: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route))


def is_scrape(path: str, headers: Mapping[str, str]) -> bool:
    """Return whether the pod itself is asked for metrics, and no proxy has passed the request on from outside."""
    return path == METRICS and _FORWARDED not in headers


def headers(scope: Scope) -> dict[str, str]:
    """Return the headers by their lower-case names."""
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


async def body(receive: Receive, check_size: Callable[[int], None]) -> bytes:
    """Return the body; refuse it as soon as it is too large (`check_size` raises), too slow, or cut off."""
    found = bytearray()
    more = True
    try:
        async with asyncio.timeout(_PATIENCE):
            while more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refusal(499, "disconnected", "the caller went away while sending")
                piece, more = message.get("body", b""), message.get("more_body", False)
                check_size(len(found) + len(piece))
                found += piece
    except TimeoutError:
        raise Refusal(408, "too_slow", f"the body was not there after {_PATIENCE} seconds") from None
    return bytes(found)


def no_http(message: str) -> Answer:
    """Return the answer to anything but HTTP/1.1, which no function ever sees."""
    return of(400, {"status": "error", "error": {"code": "invalid_http", "message": message}})


def check_type(headers: Mapping[str, str], *, with_bytes: bool = False) -> None:
    """Raise `Refusal` (415) when the headers name anything but JSON in UTF-8.

    `with_bytes` allows bytes behind the JSON (application/octet-stream).
    """
    full = headers.get("content-type", "").strip()
    if full == "application/json" and "content-encoding" not in headers:
        return
    media = full.partition(";")[0].strip()
    if full and not _JSON.fullmatch(media) and not (with_bytes and media.lower() == "application/octet-stream"):
        _unsupported(f"the content type is {_shown(media or full)}; send 'Content-Type: application/json'")
    charset = _CHARSET.search(full)
    if charset and charset[1].lower() not in ("utf-8", "utf8", "us-ascii"):
        _unsupported(f"the charset is {_shown(charset[1])}; send UTF-8")
    coding = headers.get("content-encoding", "").strip().lower()
    if coding not in ("", "identity"):
        _unsupported(f"the content encoding is {_shown(coding)}; send the JSON as it is")


def check_length(headers: Mapping[str, str], limit: int) -> None:
    """Raise `Refusal` (413) when the headers announce more than `limit` bytes."""
    length = headers.get("content-length", "")
    check_size(int(length) if length.isdecimal() else 0, limit)


def check_size(size: int, limit: int) -> None:
    """Raise `Refusal` (413) when `size` bytes of a body, whole or in part, are over the limit."""
    if size > limit:
        raise Refusal(413, "body_too_large", f"the body is over the limit of {limit} bytes")


def parse(body: bytes) -> Any:
    """Return the JSON value in `body`; raise `Refusal` (400) that says what is wrong and where."""
    if not body.strip():
        _invalid("empty_body", "the body is empty; send a JSON object, or a list of objects")
    text = _text(body)
    try:
        value = _DECODER.decode(text)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # JSON's escapes can write half a character, which no answer could repeat
        _invalid("invalid_json", "a text in the body has half of a surrogate pair")
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno} (character {error.pos})"
        _invalid("invalid_json", f"the body is not JSON: {error.msg} at {where}")
    except RecursionError:
        _invalid("invalid_json", "the body is nested too deeply")
    except ValueError:  # Python limits the digits of an integer
        _invalid("invalid_json", "a number in the body has thousands of digits")
    return value


def _text(body: bytes) -> str:
    if (encoding := json.detect_encoding(body)) not in ("utf-8", "utf-8-sig"):
        _invalid("invalid_encoding", f"the body is {encoding.upper()}; send UTF-8")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        _invalid("invalid_encoding", f"the body is not UTF-8: byte {error.start} is 0x{body[error.start]:02x}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        (twice, _), *_ = Counter(name for name, _ in pairs).most_common(1)
        _invalid("duplicate_key", f"the key {_shown(twice)} stands twice in one object")
    return found


def _number(text: str) -> NoReturn:
    _invalid("invalid_json", f"{text} is no number in JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_number)


def _shown(text: str) -> str:
    return ascii(text if len(text) <= 60 else f"{text[:57]}...")


def _invalid(code: str, message: str) -> NoReturn:
    raise Refusal(400, code, message)


def _unsupported(message: str) -> NoReturn:
    raise Refusal(415, "unsupported_media_type", message)
