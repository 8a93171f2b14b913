"""Requests: the paths that they are for, and strict reading of their content types and bodies."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import msgspec
from msgspec import field

from slipway.serving.answers import Refusal, common

PREDICT, EVENTS = "/predict", "POST /"
LIVE, READY = "/health/live", "/health/ready"
V1, V1_MODEL, V1_PREDICT = "/v1/models", "/v1/models/{model}", "/v1/models/{model}:predict"
V2, V2_LIVE, V2_READY = "/v2", "/v2/health/live", "/v2/health/ready"

PROBES = frozenset({LIVE, READY, V2_LIVE, V2_READY})
"""The probes, which Kubernetes sends every few seconds."""

METRICS, OPENAPI = "/metrics", "/openapi.json"

PAGE = "/docs"
"""The page of documentation, open to everybody: it asks for its content with the reader's key."""

MODELS = ("/v2/models/{model}", "/v2/models/{model}/versions/{version}")
"""A model in the Open Inference Protocol, and a version of it; further parts are the same for both."""

V2_READINESS = frozenset({V2_READY, *(f"{each}/ready" for each in MODELS)})
"""The paths of the Open Inference Protocol that tell whether the model can answer."""

INFERENCE = {
    **{f"{each}/infer": "POST" for each in MODELS},
    **{f"{each}{end}": "GET" for each in MODELS for end in ("", "/ready")},
    **dict.fromkeys((V2, V2_LIVE, V2_READY), "GET"),
}
"""The paths of the Open Inference Protocol, each with its method."""

KSERVE = {V1_PREDICT: "POST", V1: "GET", V1_MODEL: "GET"}
"""The paths of KServe's protocol of version 1, each with its method."""

# Proxies add one of them, and Knative's own proxy handles each request that comes by a Route or a Service.
_FORWARDED = frozenset({"forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"})

_JSON = re.compile(r"application/(json|[\w.!#$&^+-]+\+json)", re.IGNORECASE)
_CHARSET = re.compile(r";\s*charset\s*=\s*\"?([^\s\";]+)", re.IGNORECASE)
_SURROGATE = re.compile(r"\\ud[89a-f]", re.IGNORECASE)


class Request(msgspec.Struct):
    """A request: the caller's method and path, the application's name for the path (`route`), headers and body.

    `headers` have lower-case names, and `path` has no query. `id` is the request's name in the answer and in the log;
    `caller` is filled in once the caller is known, and `rows` where the body's rows were read before it is answered. It
    `began` when its head was there (`time.monotonic`).
    """

    method: str
    path: str
    route: str
    headers: Mapping[str, str]
    id: str = ""
    query: bytes = b""
    body: bytes = b""
    caller: str = ""
    rows: Any = None
    began: float = field(default_factory=time.monotonic)

    @property
    def counted(self) -> str:
        """The name in the metrics: an event is no look at the page of the same path, and a question no prediction."""
        if self.method == "OPTIONS":
            return self.method
        return EVENTS if (self.method, self.route) == ("POST", "/") else self.route


def combined(headers: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Return headers by their names; the values of one that is there several times stand in one list (RFC 9110, 5.3).

    So nobody is let in by one of two keys, and no proxy before the function reads another value than the function.
    """
    found = dict(headers)
    if len(found) < len(headers):
        for name in found:
            found[name] = ", ".join(value for each, value in headers if each == name)
    return found


def is_scrape(request: Request) -> bool:
    """Return whether the pod itself is asked for metrics, and no proxy has passed the request on from outside."""
    return request.path == METRICS and _FORWARDED.isdisjoint(request.headers)


def no_http(message: str, named: Mapping[str, str], request_id: str) -> bytes:
    """Return the whole answer to anything but HTTP/1.1."""
    error = {"code": "invalid_http", "message": message}
    body = msgspec.json.encode({"status": "error", "error": error, **named, "request_id": request_id})
    head = f"content-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close"
    head += "".join(f"\r\n{name}: {value}" for name, value in common(request_id).items())
    return b"HTTP/1.1 400 Bad Request\r\n" + head.encode() + b"\r\n\r\n" + body


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
    if coding not in ("", "identity", "gzip", "x-gzip"):
        _unsupported(f"the content encoding is {_shown(coding)}; send the JSON as it is, or in gzip")


def rows_in(value: Any, what: str) -> tuple[list[Any], bool]:
    """Return the rows that a JSON value is, still to be checked, and False for a single one.

    Raise `Refusal` (400) that says `what` is no row, and no list of them, for any other value.
    """
    if not isinstance(value, dict | list):
        raise Refusal(400, "invalid_json", f"{what} neither a JSON object (a row) nor a list of them")
    return (value, True) if isinstance(value, list) else ([value], False)


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
