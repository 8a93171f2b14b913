"""Brief answers are written at once, without a task of the event loop: callers get what they get otherwise."""

import re
import socket
import time
from types import SimpleNamespace

import pytest

from slipway.serving.answers import Answer
from slipway.serving.http.answering import written
from tests.unit.serving.conftest import Server
from tests.waiting import until

ROW = b'{"weight": 2, "wrapping": "box"}'
HEAD = b"Host: x\r\nX-Request-Id: mine\r\n"


def post(body: bytes, path: bytes = b"/predict", more: bytes = b"") -> tuple[bytes, bytes]:
    return b"POST %s HTTP/1.1\r\n%s%sContent-Length: %d\r\n\r\n" % (path, HEAD, more, len(body)), body


def chunked(body: bytes) -> tuple[bytes, bytes]:
    head = b"POST /predict HTTP/1.1\r\n%sTransfer-Encoding: chunked\r\n\r\n" % HEAD
    return head, b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


def talk(server: Server, *pieces: bytes, pause: float = 0.0) -> bytes:
    """Send pieces with a pause between them, end the sending, and return all that is answered, without the time."""
    with socket.create_connection(server.address, timeout=10) as connection:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(pause)
        told = b""
        while not told.endswith(b"}") and (piece := connection.recv(65536)):
            told += piece
        return re.sub(rb"date: [^\r]+", b"", told)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        post(ROW),
        post(b"[%s, %s]" % (ROW, ROW), more=b"Connection: close\r\n"),
        post(b"[" + b", ".join([ROW] * 400) + b"]", more=b"Accept-Encoding: br\r\n"),
        post(b'{"weight": -2}'),
        post(b'{"weight": 666, "wrapping": "box"}'),
        post(b"{"),
        post(ROW, b"/nothing"),
        post(ROW, more=b"Content-Type: text/csv\r\n"),
        post(ROW, b"/v2/models/tiny/infer"),
        post(ROW, b"/health/live"),
        chunked(ROW),
        (post(ROW)[0].replace(b"HTTP/1.1", b"HTTP/1.0"), ROW),
    ],
    ids=range(12),
)
def test_a_body_that_comes_late_is_answered_alike(brief: Server, head: bytes, body: bytes) -> None:
    """It is answered in a task. Both ways have the same status, headers and body."""
    assert talk(brief, head + body) == talk(brief, head, body, pause=0.1)


def test_many_requests_in_one_piece_are_answered_in_order(brief: Server) -> None:
    """The first is answered at once, and those behind it one after the other."""
    requests = [b"".join(post(ROW)).replace(b"mine", b"n%d" % number) for number in range(1500)]
    told = b""
    with socket.create_connection(brief.address, timeout=20) as connection:
        connection.sendall(b"".join(requests))
        while told.count(b"HTTP/1.1 200 ") < len(requests) and (piece := connection.recv(1 << 16)):
            told += piece
    assert re.findall(rb"x-request-id: n(\d+)", told) == [b"%d" % number for number in range(1500)]


def test_a_body_in_many_pieces_is_answered(brief: Server) -> None:
    """The event loop reads on while a long body comes."""
    head, body = post(b"[%s]" % b", ".join([ROW] * 500))
    pieces = [body[at : at + 500] for at in range(0, len(body), 500)]
    assert talk(brief, head, *pieces) == talk(brief, head + body)


def test_a_caller_who_leaves_within_the_body_is_logged(brief: Server) -> None:
    """The line has status 499, as that of each who leaves before the answer."""
    head, _ = post(ROW)
    with socket.create_connection(brief.address, timeout=10) as connection:
        connection.sendall(head.replace(b"mine", b"left") + b"{")
    until(lambda: brief.logged("left"))
    assert [line["status"] for line in brief.logged("left")] == [499]


def test_no_header_begins_another() -> None:
    """A value with a line break is an error, and no answer."""
    cycle = SimpleNamespace(default_headers=[], keep_alive=True, scope={"method": "GET"})
    assert written(Answer(200, {"a": "b"}, b"{}"), cycle).endswith(b"a: b\r\ncontent-length: 2\r\n\r\n{}")
    with pytest.raises(ValueError, match="line break"):
        written(Answer(200, {"a": "b\r\nc: d"}, b"{}"), cycle)
