"""Connections as callers have them: an answer arrives, or the log says that it did not."""

import json
import socket
import struct
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from slipway.images import running
from slipway.images.bundle import Bundle
from tests.unit.serving import tiny
from tests.unit.serving.conftest import MAX_BODY, Server
from tests.waiting import until

ROW = b'{"weight": 2, "wrapping": "box"}'
POST = b"POST /predict HTTP/1.1\r\nHost: x\r\n"
ASKED = POST + b"Content-Length: %d\r\n\r\n%s" % (len(ROW), ROW)

H11 = "import importlib.util\nimportlib.util.find_spec = lambda name: None\n"
MAIN = "from slipway.serving.__main__ import main\nmain()"


@contextmanager
def run(folder: Path, code: str = "", **env: str) -> Iterator[Server]:
    """Run the function of a bundle after `code`."""
    log: list[str] = []
    port = running.usable_port("127.0.0.1", 0)
    own = {"PYTHONPATH": str(folder), "PORT": str(port), "HOST": "127.0.0.1", **env}
    command = [sys.executable, "-c", code + MAIN]
    with running.process(command, f"http://127.0.0.1:{port}", cwd=folder, env=own, echo=log.append) as started:
        yield Server(started.url, log)


@pytest.fixture(scope="module", params=["httptools", "h11"])
def function(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a function on either of uvicorn's protocols."""
    folder = tiny.bundled(tmp_path_factory.mktemp(request.param)).folder
    with run(folder, H11 if request.param == "h11" else "", SLIPWAY_MAX_BODY=str(MAX_BODY)) as server:
        yield server


def everything(connection: socket.socket) -> bytes:
    """Return all bytes until the end of the connection."""
    told = b""
    while piece := connection.recv(1 << 16):
        told += piece
    return told


def answer(connection: socket.socket) -> bytes:
    """Return one whole answer."""
    told = b""
    while b"\r\n\r\n" not in told or not told.endswith(b"}"):
        piece = connection.recv(1 << 16)
        assert piece, told
        told += piece
    return told


def connected(server: Server) -> socket.socket:
    return socket.create_connection(server.address, timeout=20)


@pytest.mark.parametrize(
    ("status", "path", "media"), [(413, "/predict", "application/json"), (415, "/predict", "text/csv"), (404, "/x", "")]
)
def test_early_refusals_reach_a_caller_who_sends_all_first(
    function: Server, status: int, path: str, media: str
) -> None:
    """urllib reads nothing before its body of 5 MB is sent, and asks for the end of the connection."""
    request = urllib.request.Request(function.url + path, b" " * 5_000_000, {"Content-Type": media})
    for _ in range(10):
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=20)
        assert caught.value.code == status
        assert json.loads(caught.value.read())["error"]["code"]


@pytest.mark.parametrize("first", [b"POST /predict", b"GET /health/ready", b"GET /v2", b"POST /x"])
def test_final_answer_instead_of_continue_ends_the_connection(function: Server, first: bytes) -> None:
    """The caller may leave the body out: the next request would be taken for it."""
    head = b"%s HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n" % first
    with connected(function) as connection:
        connection.sendall(head)
        told = everything(connection)
    assert told.count(b"HTTP/1.1 ") == 1 and not told.startswith(b"HTTP/1.1 100 ")
    assert b"\r\nconnection: close\r\n" in told


@pytest.mark.parametrize("first", [POST + b"Content-Type: text/csv\r\n", b"GET /v2 HTTP/1.1\r\nHost: x\r\n"])
def test_short_body_that_nobody_reads_keeps_the_connection(function: Server, first: bytes) -> None:
    """The next request on it is answered, also when the body comes after the refusal."""
    with connected(function) as connection:
        connection.sendall(first + b"Content-Length: 6\r\n\r\n")
        assert b"connection: close" not in answer(connection)
        connection.sendall(b"abcdef" + ASKED)
        assert answer(connection).startswith(b"HTTP/1.1 200 ")


def test_caller_who_never_ends_is_read_for_some_time_only(bundled: Bundle) -> None:
    """An endless body is dropped for a while after the refusal, and then the connection ends."""
    code = "from slipway.serving.http import connection\nconnection._LINGER, connection._SILENT = 1, 0.2\n"
    with run(bundled.folder, code) as server, connected(server) as connection:
        connection.sendall(POST + b"Content-Length: 99999999999\r\n\r\n")
        with pytest.raises(OSError):
            while True:
                connection.sendall(b" " * 100_000)


def slow(**more: float) -> bytes:
    """Return a request whose prediction takes 0.6 s."""
    body = json.dumps({"weight": 668, "wrapping": "box", **more}).encode()
    return POST + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


@pytest.mark.parametrize("version", [b"HTTP/1.1", b"HTTP/1.0"])
def test_caller_who_sends_no_more_gets_the_answer(function: Server, version: bytes) -> None:
    """After `shutdown(SHUT_WR)` the caller waits for the answer."""
    with connected(function) as connection:
        connection.sendall(slow().replace(b"HTTP/1.1", version))
        connection.shutdown(socket.SHUT_WR)
        told = everything(connection)
    assert told.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").startswith(b"HTTP/1.1 200 ")
    assert told.startswith(b"HTTP/1.1 100 ") == (version == b"HTTP/1.1")


def test_every_request_before_the_end_is_answered(server: Server) -> None:
    """Pipelined requests all get their answers, the last one with the end of the connection."""
    with connected(server) as connection:
        connection.sendall(slow() * 2 + ASKED)
        connection.shutdown(socket.SHUT_WR)
        told = everything(connection)
    assert (told.count(b"HTTP/1.1 200 "), told.count(b"connection: close")) == (3, 1)


def test_caller_who_ends_within_a_body_has_left(function: Server) -> None:
    """Nothing can be answered."""
    with connected(function) as connection:
        connection.sendall(POST + b"X-Request-Id: cut\r\nContent-Length: 100\r\n\r\n{")
        connection.shutdown(socket.SHUT_WR)
        assert everything(connection) == b""
    until(lambda: [line["status"] for line in function.logged("cut")] == [499])


def test_what_follows_a_request_does_not_take_its_answer(function: Server) -> None:
    """Garbage after a request ends the connection, once the request has its own answer."""
    with connected(function) as connection:
        connection.sendall(slow() + b"GARBAGE\r\n\r\n")
        told = everything(connection)
    assert told.startswith(b"HTTP/1.1 200 ")


COUNTS = """
            if row["weight"] == 999:
                import gc
                gc.collect()  # connections lie in cycles, and the collector comes when it likes
                prices.append(sum(type(each).__name__ == "Protocol" for each in gc.get_objects()))
                continue
"""
COUNTING = tiny.CODE.replace("            prices.append(self", f"{COUNTS}            prices.append(self", 1)


def count(server: Server) -> int:
    """Return the number of connections that the function keeps, this one included."""
    body = json.dumps({"weight": 999, "wrapping": "box"}).encode()
    return int(server.ask("POST", "/predict", body, Connection="close").json["prediction"])


@pytest.mark.parametrize("protocol", ["", H11], ids=["httptools", "h11"])
def test_nothing_is_kept_of_connections_that_were_reset(tmp_path: Path, protocol: str) -> None:
    """A timer for the next request ends with its connection."""
    with run(tiny.bundled(tmp_path, code=COUNTING).folder, protocol) as server:
        for _ in range(50):
            with connected(server) as connection:
                connection.sendall(ASKED)
                assert answer(connection)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        until(lambda: count(server) <= 3)


def test_caller_who_resets_the_connection_within_the_answer_harms_nobody(function: Server) -> None:
    """Nothing fails where the answer is written to its end."""
    for _ in range(100):
        with connected(function) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            connection.recv(1)
    assert function.ask("POST", "/predict", ROW, X_Request_Id="after").status == 200
    until(lambda: function.logged("after"))
    assert not [line for line in function.log if "Traceback" in line]


MANY = 10_000_000
LONG = COUNTING.replace(
    "return prices", f"return [{{'price': each, 'why': 'x' * {MANY} * (each == 403)}} for each in prices]"
)
GOLDEN = [{"price": 4.0, "why": ""}, {"price": 8.0, "why": ""}]
IMPATIENT = "from slipway.serving.http import connection\nconnection._STALLED = 0.5\n"


def long() -> bytes:
    """Return a request with an answer of 10 MB."""
    return ASKED.replace(b"%d" % len(ROW), b"%d" % (len(ROW) + 2), 1).replace(b'"weight": 2', b'"weight": 800')


@pytest.fixture(scope="module", params=["httptools", "h11"])
def impatient(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run a function whose callers must read."""
    folder = tiny.bundled(tmp_path_factory.mktemp("long"), code=LONG, predictions=GOLDEN).folder
    with run(folder, IMPATIENT + (H11 if request.param == "h11" else "")) as server:
        yield server


@pytest.mark.long(2)
@pytest.mark.parametrize("ends", [b"", b"Connection: close\r\n"], ids=["kept", "closed"])
def test_caller_who_does_not_read_is_left(impatient: Server, ends: bytes) -> None:
    """The answer is given up, and the log says that it did not arrive."""
    name = f"unread-{len(ends)}"
    with connected(impatient) as connection:
        connection.sendall(long().replace(b"Host: x\r\n", b"Host: x\r\nX-Request-Id: %s\r\n" % name.encode() + ends))
        until(lambda: [line.get("status", "lost") for line in impatient.logged(name)] == [200, "lost"])
        assert "the caller does not read it" in impatient.logged(name)[1]["message"]
        with pytest.raises(ConnectionError):
            everything(connection)


def test_slow_reader_gets_all(impatient: Server) -> None:
    """Whoever reads on is waited for, however long the whole takes."""
    with connected(impatient) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 200_000)
        connection.sendall(long().replace(b"Host: x\r\n", b"Host: x\r\nConnection: close\r\n"))
        read, began = 0, time.monotonic()
        while piece := connection.recv(1 << 16):
            read += len(piece)
            time.sleep(0.01)
    assert read > MANY and time.monotonic() - began > 1


HASTY = "from slipway.serving.http import connection\nconnection._HEAD = 0.4\n"


@pytest.mark.parametrize("before", ["", H11], ids=["httptools", "h11"])
def test_a_head_has_a_time_limit(bundled: Bundle, before: str) -> None:
    """It holds for connections that send nothing, or half a head bit by bit; kept connections wait on."""
    with run(bundled.folder, before + HASTY) as server, connected(server) as kept:
        kept.sendall(ASKED)
        assert answer(kept).startswith(b"HTTP/1.1 200 ")
        with connected(server) as silent, connected(server) as slow:
            began = time.monotonic()
            for byte in POST:
                with suppress(OSError):
                    slow.sendall(bytes([byte]))
                time.sleep(0.03)
            told = everything(slow)
            assert told.startswith(b"HTTP/1.1 400 ") and b"was not there after 0.4 seconds" in told
            assert everything(silent) == b""
            assert time.monotonic() - began < 5
        kept.sendall(ASKED)
        assert answer(kept).startswith(b"HTTP/1.1 200 ")


FEW_FILES = "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))\n"


@pytest.mark.long(7)
@pytest.mark.skipif(sys.platform != "linux", reason="the limit of open files has another meaning elsewhere")
@pytest.mark.parametrize("before", ["", pytest.param(H11, marks=pytest.mark.long(10))], ids=["httptools", "h11"])
def test_idle_connections_block_nobody(bundled: Bundle, before: str) -> None:
    """Those that never sent a request give room to others; health is answered, and little is logged."""
    with run(bundled.folder, before + FEW_FILES) as server, ExitStack() as opened:
        kept = opened.enter_context(connected(server))
        kept.sendall(ASKED)
        assert answer(kept).startswith(b"HTTP/1.1 200 ")
        for _ in range(10):
            for _ in range(40):
                opened.enter_context(connected(server))
            assert server.ask("GET", "/health/ready").status == 200
        kept.sendall(ASKED)
        assert answer(kept).startswith(b"HTTP/1.1 200 ")
        assert sum(len(line) for line in server.log) < 5000
        assert any("that waited for a request were closed" in line for line in server.log)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of open files has another meaning elsewhere")
def test_connections_that_were_answered_at_once_give_room(bundled: Bundle) -> None:
    """They wait for a request as others do, and the oldest is closed first."""
    with run(bundled.folder, FEW_FILES) as server, ExitStack() as opened:
        for _ in range(300):
            kept = opened.enter_context(connected(server))
            kept.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
            assert answer(kept).startswith(b"HTTP/1.1 200 ")


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of open files has another meaning elsewhere")
def test_connections_that_cannot_be_accepted_fill_no_log(bundled: Bundle) -> None:
    """A model may hold all files that a process may open; the function answers again once it can."""
    held = f"{FEW_FILES}import os\nheld = [os.open('/dev/null', 0) for _ in range(150)]\n"
    with run(bundled.folder, held) as server:
        with ExitStack() as opened:
            for _ in range(80):
                opened.enter_context(connected(server))
            until(lambda: any("out of system resource" in line for line in server.log))
        until(lambda: server.ask("GET", "/health/ready").status == 200)
        assert sum(len(line) for line in server.log) < 5000
