"""Requests in bytes: right ones, and wrong ones in every way that bodies, headers and HTTP allow."""

import gzip
import json
from collections.abc import Callable
from random import Random
from typing import Any, NamedTuple

from tests.fuzz.instances import Instances, encoded, reshaped, spoilt

__all__ = ["Message", "Messages"]

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "BREW", "get", "P" * 300)
_TYPES = (
    *("application/json; charset=utf-8", "application/json; charset=utf-16", "application/x+json", "text/plain", ""),
    *("multipart/form-data; boundary=x", "application/octet-stream", "*/*", "application/json;;;", "a" * 3000, "\xff"),
)
_HEADERS = (
    *("X-Request-Id: mine", "X-Request-Id: two words", f"X-Request-Id: {'x' * 3000}", "X-Request-Id: \xe9"),
    *("traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "traceparent: 00-zz-01"),
    *(
        "Content-Encoding: gzip",
        "Content-Encoding: identity",
        "Accept: text/html;q=0.1",
        "Accept: \xff",
        "Range: bytes=0-1",
    ),
    *("Expect: 100-continue", "Upgrade: websocket\r\nConnection: Upgrade", "Upgrade: h2c\r\nHTTP2-Settings: AAAA"),
    *("Authorization: Bearer x", "Authorization: Basic ====", "Authorization: \xff", "Cookie: a=b", "X: " + "y" * 8000),
    *("X-Forwarded-For: 10.0.0.1", "Inference-Header-Content-Length: 5", "Inference-Header-Content-Length: -1"),
)
_PATHS = (
    *(
        "//",
        "/%00",
        "/%ff%fe",
        "/../../etc/passwd",
        "/predict/../",
        "/predict?x=%zz",
        "/" + "a" * 5000,
        "*",
        "/\xe9",
        "/v2/",
    ),
    *(
        "/v2/models//infer",
        "/v2/models/%2e%2e/infer",
        "/v2/models/a/versions/9999999999999999999/infer",
        "/metrics",
        "/docs/",
    ),
    *(
        "http://other/predict",
        "/predict;x",
        "/PREDICT",
        "/v2/models/a/versions//ready",
        "/health/live/live",
        "/?" + "a=b&" * 500,
    ),
)


_LARGEST = 1 << 26  # bytes, several times the limit of a function


class Message(NamedTuple):
    """Bytes to send; `method` is set where they are one whole request on a connection that stays open."""

    content: bytes
    method: str = ""


class _Operation(NamedTuple):
    method: str
    path: str
    parameters: list[dict[str, Any]]
    body: dict[str, Any] | None
    examples: list[Any]


class Messages:
    """Requests to all operations of an OpenAPI document, drawn by `random`."""

    def __init__(self, document: dict[str, Any], random: Random) -> None:
        self.random, self.instances = random, Instances(document, random)
        self.operations = [
            _operation(method, path, each)
            for path, methods in document["paths"].items()
            for method, each in methods.items()
            if isinstance(each, dict)
        ]
        self.taking = [each for each in self.operations if each.body is not None]
        self.wrong: list[Callable[[], Message]] = [
            *[self._right] * 5,
            *[self._spoilt] * 8,
            *[self._damaged] * 4,
            *[self._reshaped] * 2,
            *[self._unusual] * 2,
            *[self._broken] * 2,
        ]

    def draw(self) -> Message:
        """Return the next request."""
        return self.random.choice(self.wrong)()

    def inference(self) -> Any:
        """Return a request of the Open Inference Protocol, as JSON has it: right, spoilt, or with other shapes."""
        of = self._inference()
        value = self._value(of)
        match self.random.choice("rrrssp"):
            case "s":
                value = spoilt(value, self.random)
            case "p":
                value = reshaped(value, self.random)
        return value

    def inference_path(self) -> str:
        """Return the path of such a request."""
        return self._path(self._inference())

    def _inference(self) -> _Operation:
        return self.random.choice([each for each in self.taking if each.path.endswith("/infer")] or self.taking)

    def _right(self) -> Message:
        of = self.random.choice(self.operations)
        body = b"" if of.body is None else encoded(self._value(of))
        return self._message(of.method, self._path(of), body)

    def _spoilt(self) -> Message:
        """Return a request with JSON that the schema does not allow."""
        of = self.random.choice(self.taking)
        value = self._value(of)
        for _ in range(self.random.choice([1, 1, 1, 2, 5])):
            value = spoilt(value, self.random)
        return self._message(of.method, self._path(of), encoded(value))

    def _reshaped(self) -> Message:
        """Return a request with tensors of wrong shapes, or with repeated outputs."""
        of = self._inference()
        value = reshaped(self._value(of), self.random)
        return self._message(of.method, self._path(of), encoded(value))

    def _damaged(self) -> Message:
        """Return a request with damaged JSON."""
        of = self.random.choice(self.taking)
        body = encoded(self._value(of))
        return self._message(of.method, self._path(of), self.random.choice(_DAMAGES)(body, self.random))

    def _unusual(self) -> Message:
        """Return a request with another path, method or type, or with unusual headers."""
        of = self.random.choice(self.operations)
        body = b"" if of.body is None else encoded(self._value(of))
        method = self.random.choice([of.method, self.random.choice(_METHODS)])
        path = self.random.choice([self._path(of), self._path(of) + "/", self.random.choice(_PATHS)])
        headers = self.random.sample(_HEADERS, self.random.randint(0, 3))
        plain = method not in ("CONNECT", "P" * 300, "get") and not any("Upgrade" in each for each in headers)
        made = self._message(method, path, body, self.random.choice(["application/json", *_TYPES]), headers)
        # These end the connection, or change its protocol.
        return made if plain and path.startswith("/") and path.isascii() else Message(made.content)

    def _broken(self) -> Message:
        """Return malformed HTTP, after which the connection cannot be used any more."""
        of = self.random.choice(self.taking)
        body = encoded(self._value(of))
        whole = self._message(of.method, self._path(of), body).content
        return Message(self.random.choice(_BREAKS)(whole, body, self.random))

    def _value(self, of: _Operation) -> Any:
        if of.examples and self.random.random() < 0.7:
            return json.loads(json.dumps(self.random.choice(of.examples)))
        return self.instances.of(of.body or {})

    def _path(self, of: _Operation) -> str:
        path = of.path
        for each in of.parameters:
            if each["in"] == "path":
                right = str(each.get("example", self.instances.of(each.get("schema", {}))))
                path = path.replace(f"{{{each['name']}}}", right or "x")
        return path.replace(" ", "%20").replace("\xe9", "%C3%A9")

    def _message(
        self, method: str, path: str, body: bytes, type_: str = "application/json", headers: Any = ()
    ) -> Message:
        lines = [f"{method} {path} HTTP/1.1", "Host: function", *headers]
        lines += [f"Content-Type: {type_}", f"Content-Length: {len(body)}"] if body or method == "POST" else []
        return Message("\r\n".join([*lines, "", ""]).encode("latin-1") + body, method)


def _operation(method: str, path: str, described: dict[str, Any]) -> _Operation:
    content = (described.get("requestBody") or {}).get("content", {}).get("application/json", {})
    examples = [each["value"] for each in content.get("examples", {}).values() if "value" in each]
    return _Operation(method.upper(), path, described.get("parameters", []), content.get("schema"), examples)


def _cut(content: bytes, random: Random) -> bytes:
    return content[: random.randrange(len(content) + 1)]


def _flipped(content: bytes, random: Random) -> bytes:
    found = bytearray(content or b"x")
    for _ in range(random.choice([1, 3, 20])):
        found[random.randrange(len(found))] = random.randrange(256)
    return bytes(found)


_DAMAGES: list[Callable[[bytes, Random], bytes]] = [
    _cut,
    _flipped,
    lambda body, random: body + random.choice([b"x", b"{}", b"\0", b",", body]),
    lambda body, _: b"\xef\xbb\xbf" + body,
    lambda body, random: body.decode().encode(random.choice(["utf-16", "utf-32", "utf-16-be", "utf-7"])),
    lambda body, _: gzip.compress(body),
    lambda body, random: body.replace(b":", b":" + random.randbytes(3), 1),
    lambda body, _: body.replace(b"{", b'{"x": 1, "x": 2, ', 1),
    lambda body, _: body.replace(b",", b"," + body[1:-1] + b",", 1),
    lambda body, _: body.replace(b'"', b"'"),
    lambda _, random: (
        random.choice([b"[", b'{"a":', b"[{}", b'{"inputs":[', b"-", b'"\\u']) * random.choice([1, 500, 20000])
    ),
    lambda _, random: b"[" * (depth := random.choice([10, 900, 1100, 90000])) + b"]" * depth,
    lambda _, random: random.choice(
        [b"", b" ", b"\n\n", b"null", b"0", b'""', b"true", b"[]", b"{}", b"[[]]", b"\0" * 50]
    ),
    lambda _, random: random.randbytes(random.choice([1, 100, 5000])),
    lambda body, random: b"[" + b",".join([body] * _times(body, random.choice([1, 100, 2000]))) + b"]",
    lambda _, random: b'{"a":"' + b"x" * random.choice([10, 10**5, 2 * 10**6]) + b'"}',
    lambda _, random: b"[" + b"1," * random.choice([10, 10**5]) + b"1]",
]


def _times(content: bytes, count: int) -> int:
    """Return how often something is repeated: a caller has to be done with it before its patience ends."""
    return min(count, max(2, _LARGEST // (len(content) + 1)))


def _length(said: str) -> Callable[[bytes, bytes, Random], bytes]:
    """Return a function that replaces the length in the head."""

    def make(whole: bytes, body: bytes, _random: Random) -> bytes:
        return whole.replace(f"Content-Length: {len(body)}".encode(), f"Content-Length: {said}".encode())

    return make


def _chunked(framing: bytes) -> Callable[[bytes, bytes, Random], bytes]:
    def make(whole: bytes, body: bytes, _random: Random) -> bytes:
        head = whole.partition(b"\r\n\r\n")[0].replace(b"Content-Length: %d" % len(body), b"Transfer-Encoding: chunked")
        return head + b"\r\n\r\n" + framing.replace(b"SIZE", b"%x" % len(body)).replace(b"BODY", body)

    return make


_BREAKS: list[Callable[[bytes, bytes, Random], bytes]] = [
    lambda whole, _, random: _cut(whole, random),
    lambda whole, body, random: whole[: len(whole) - random.randrange(len(body) + 1)],
    lambda whole, body, random: _flipped(whole[: len(whole) - len(body)], random) + body,
    *map(
        _length,
        ["99999", "0", "1", "-1", "1e3", "+5", "0x10", "", "5, 5", "99999999999999999999", "5\r\nContent-Length: 6"],
    ),
    _length("5\r\nTransfer-Encoding: chunked"),
    *map(
        _chunked,
        [
            *(
                b"SIZE\r\nBODY\r\n0\r\n\r\n",
                b"SIZE;x=y\r\nBODY\r\n0\r\nX: y\r\n\r\n",
                b"SIZE\r\nBODY\r\n",
                b"ZZ\r\nBODY",
                b"-1\r\n",
            ),
            *(
                b"ffffffffffffffffff\r\nBODY",
                b"5\r\nBODY\r\n0\r\n\r\n",
                b"0\r\n" + b"X: y\r\n" * 20000,
                b"1\r\n" * 5000,
            ),
        ],
    ),
    lambda whole, _, __: whole.replace(b"\r\n", b"\n"),
    lambda whole, _, __: whole.replace(b"Host: function\r\n", b""),
    lambda whole, _, __: whole.replace(b"Host: function", b"Host: a\r\nHost: b"),
    lambda whole, _, random: whole.replace(
        b"HTTP/1.1", random.choice([b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/9", b"X"])
    ),
    lambda whole, _, __: whole.replace(b"\r\nHost", b"\r\n" + b"X: y\r\n" * 5000 + b"Host"),
    lambda whole, _, __: whole.replace(b"\r\nHost", b"\r\nX: " + b"y" * 200_000 + b"\r\nHost"),
    lambda whole, _, __: whole.replace(b"\r\nHost", b"\r\nX: y\r\n folded\r\nX\0: \0\r\n: none\r\nHost"),
    lambda whole, _, random: whole * _times(whole, random.choice([2, 5, 50])),
    lambda whole, _, __: b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 20 + whole,
    lambda _, __, random: random.randbytes(random.choice([1, 200, 70_000])),
    lambda _, __, ___: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x12\4\0\0\0\0\0",
    lambda _, __, ___: bytes.fromhex("1603010200010001fc0303") + b"\0" * 500,
    lambda _, __, random: b"\r\n" * random.choice([1, 100, 60_000]),
    lambda _, __, ___: b"",
]
