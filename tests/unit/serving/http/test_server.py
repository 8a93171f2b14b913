"""The servers of a function: an image's own, and functions-framework, which answers the same."""

import asyncio
import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from slipway.artifacts import Golden, Loaded
from slipway.artifacts.manifest import Manifest
from slipway.errors import SlipwayError
from slipway.images import running
from slipway.images.bundle import Bundle
from slipway.model import Model
from slipway.schema import Field, Schema
from slipway.serving.bundled import Identity
from slipway.serving.function import Function, Limits
from slipway.serving.http import server as serving
from tests.unit.serving import tiny
from tests.unit.serving.conftest import Reply, Server

ROW = b'{"weight": 2, "wrapping": "box"}'
FRAMEWORK = ["-m", "functions_framework", "--target", "predict", "--source", "main.py", "--host", "127.0.0.1"]
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\n"
SCOPE = {"method": "POST", "path": "/predict", "query_string": b"", "headers": [(b"x-request-id", b"mine")]}
ASKED = HEAD + b"Content-Length: %d\r\n\r\n%s" % (len(ROW), ROW)


@contextmanager
def run(folder: Path, command: list[str], **env: str) -> Iterator[Server]:
    """Run the function of a bundle by this command."""
    port = running.usable_port("127.0.0.1", 0)
    own = {"PYTHONPATH": str(folder), "PORT": str(port), "HOST": "127.0.0.1", **env}
    url = f"http://127.0.0.1:{port}"
    with running.process([sys.executable, *command], url, cwd=folder, env=own) as started:
        yield Server(started.url, [])


def talk(address: tuple[str, int], request: bytes, answers: int) -> bytes:
    """Send bytes, and read until this many answers came or the connection ended."""
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(request)
        told = b""
        while told.count(b"HTTP/1.1 ") < answers or not told.endswith(b"}"):
            piece = connection.recv(65536)
            if not piece:
                break
            told += piece
        return told


def settled(reply: Reply) -> tuple[int, str | None, object]:
    """Return the answers that both servers must have in common."""
    told = json.loads(reply.body) if reply.body else None
    if isinstance(told, dict):
        told.pop("request_id", None)
    return reply.status, reply.headers.get("content-type"), told


def test_functions_framework_serves_the_same_answers(tmp_path: Path) -> None:
    """`functions-framework --target predict --source main.py` answers as the image's own command does."""
    folder = tiny.bundled(tmp_path).folder
    with run(folder, ["-m", "slipway.serving"]) as own, run(folder, FRAMEWORK) as framework:
        for method, path, body in (
            ("POST", "/predict", ROW),
            ("POST", "/predict", b'{"weight": -2}'),
            ("POST", "/predict", b"{"),
            ("GET", "/health/ready", None),
            ("HEAD", "/", None),
            ("GET", "/favicon.ico", None),
            ("DELETE", "/predict", None),
        ):
            assert settled(framework.ask(method, path, body)) == settled(own.ask(method, path, body)), path


def test_environment_without_httptools_is_served_by_h11(tmp_path: Path) -> None:
    """An artifact with an older lock answers and refuses in the same way."""
    folder = tiny.bundled(tmp_path).folder
    code = "import sys; sys.modules['httptools'] = None; import slipway.serving.__main__ as own; own.main()"
    with run(folder, ["-c", f"import importlib.util as u; u.find_spec = lambda name: None; {code}"]) as server:
        assert server.ask("POST", "/predict", ROW).status == 200
        assert b'"invalid_http"' in talk(server.address, b"GARBAGE\r\n\r\n", 1)


@pytest.mark.parametrize("upgrade", [b"h2c", b"websocket"])
def test_an_offered_upgrade_is_ignored(server: Server, upgrade: bytes) -> None:
    """Java's client offers HTTP/2 with its first request: it is answered by HTTP/1.1."""
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: %s\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n" % upgrade
    request = HEAD + offer + b"Content-Length: %d\r\n\r\n%s" % (len(ROW), ROW)
    assert talk(server.address, request + ASKED, 2).count(b"HTTP/1.1 200 ") == 2


def test_pipelined_requests_are_answered_in_order(server: Server) -> None:
    """Several requests in one piece get as many answers."""
    health = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    told = talk(server.address, ASKED + health + ASKED, 3)
    assert told.count(b"HTTP/1.1 200 ") == 3
    assert [part[:20] for part in told.split(b"\r\n\r\n{")[1:]][1].startswith(b'"status":"ok","model')


def test_trailers_are_ignored(server: Server) -> None:
    """Trailers of a body in chunks change nothing, and have a limit."""
    chunks = HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n" % (len(ROW), ROW)
    told = talk(server.address, chunks + b"X-Request-Id: late\r\n\r\n", 1)
    assert told.startswith(b"HTTP/1.1 200 ") and b"late" not in told
    assert talk(server.address, chunks + b"X-More: x\r\n" * 60_000, 1).startswith(b"HTTP/1.1 400 ")


def test_expect_continue_is_answered(server: Server) -> None:
    """curl sends `Expect: 100-continue` with a larger body."""
    with socket.create_connection(server.address, timeout=10) as connection:
        connection.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(ROW))
        assert connection.recv(1024) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(ROW)
        assert connection.recv(1024).startswith(b"HTTP/1.1 200 ")


def test_connection_is_kept(server: Server) -> None:
    """A caller sends several requests on one connection."""
    connection = HTTPConnection(*server.address, timeout=10)
    for _ in range(3):
        connection.request("POST", "/predict", ROW)
        answer = connection.getresponse()
        assert (answer.status, answer.getheader("connection")) == (200, None)
        answer.read()
    connection.close()


def test_answers_are_sent_without_delay() -> None:
    """TCP sends the body of an answer at once, instead of delaying it after the head."""
    with serving.listen("127.0.0.1", 0) as listener:
        assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


@pytest.mark.parametrize(("port", "told"), [("http", "PORT is 'http'"), ("70000", "port 70000 of 127.0.0.1")])
def test_an_invalid_port_ends_the_start(bundled: Bundle, port: str, told: str) -> None:
    """A wrong PORT ends the start with one line of explanation."""
    env = {"PYTHONPATH": str(bundled.folder), "PORT": port, "HOST": "127.0.0.1"}
    command = [sys.executable, "-m", "slipway.serving"]
    done = subprocess.run(command, cwd=bundled.folder, env=env, capture_output=True, text=True, check=False)
    last = json.loads(done.stderr.splitlines()[-1])
    assert (done.returncode, last["severity"]) == (1, "CRITICAL")
    assert told in last["message"]


def test_a_port_in_use_ends_the_start() -> None:
    """The second function on a port ends and names the port."""
    with serving.listen("127.0.0.1", 0) as taken, pytest.raises(SlipwayError, match="cannot be used"):
        serving.listen("127.0.0.1", taken.getsockname()[1])


class Nothing(Model):
    """A model without predictions."""

    source_features = ("weight",)
    target_variable = "price"


@pytest.fixture
def function() -> Function:
    schema = Schema(fields=(Field(name="weight", kind="number"),), target=Field(name="price", kind="number"))
    manifest = Manifest(entry="model:Nothing", parameters={}, tolerance=0, format=1, python="3.11", parts={})
    return Function(
        Loaded(Nothing(), schema, Golden(rows=[], predictions=[]), manifest), Identity("tiny/test/7", "v7"), Limits()
    )


async def broken() -> Mapping[str, Any]:
    raise RuntimeError("a secret of the server: swordfish")


async def silent() -> Mapping[str, Any]:
    await asyncio.Event().wait()
    return {}


def logged(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_unforeseen_errors_are_answered_as_failures(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    """The answer is JSON with the request's id; only the log has the reason; it is counted."""
    answer = asyncio.run(serving.respond(function, SCOPE, broken))
    assert (answer.status, answer.headers["x-request-id"], b"swordfish" in answer.body) == (500, "mine", False)
    assert json.loads(answer.body)["error"]["code"] == "internal"
    reason, line = logged(capsys)
    assert "swordfish" in reason["traceback"]
    assert (line["status"], line["error"], line["request_id"]) == (500, "internal", "mine")
    assert b'code="500"} 1' in function.metrics.format()


def test_a_cancelled_request_is_recorded(function: Function, capsys: pytest.CaptureFixture[str]) -> None:
    """It counts as a caller who left, and is no longer in progress."""

    async def given_up() -> None:
        asked = asyncio.create_task(serving.respond(function, SCOPE, silent))
        await asyncio.sleep(0)
        asked.cancel()
        await asked

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(given_up())
    [line] = logged(capsys)
    assert (line["status"], line["error"], line["request_id"]) == (499, "disconnected", "mine")
    assert b'in_progress{model="tiny",environment="test",release="v7"} 0' in function.metrics.format()
