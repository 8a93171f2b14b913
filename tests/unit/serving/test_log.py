"""The log of a function, as it is and as `slipway serve` shows it: no request steers a terminal or forges a line."""

import json
import socket
import urllib.parse

import pytest

from slipway.cli import served_log
from tests.unit.serving.conftest import Server
from tests.waiting import until

# An escape sequence, the same in one character (C1), DEL, a line break, a mark that turns the direction of text, and
# a character beyond 16 bits that is not printable.
STEERING = "\x1b[31m\x9b31m\x7f\u202e\U000e0001"
TRACE = "0af7651916cd43dd8448eb211c80319c"


def line_about(server: Server, request_id: str) -> str:
    """Return the last line about a request as it was written."""
    until(lambda: server.logged(request_id))
    return [line for line in server.log if request_id in line][-1]


@pytest.mark.parametrize("path", [f"/{STEERING}", f"/v2/models/{STEERING}/infer"])
def test_a_path_steers_no_terminal(server: Server, path: str) -> None:
    """The line has the characters as escapes of JSON."""
    number = abs(hash(path))
    server.ask("GET", urllib.parse.quote(path), x_request_id=f"steering-{number}")
    line = line_about(server, f"steering-{number}")
    assert line.isprintable()
    assert json.loads(line)["path"] == path
    assert served_log.shown(line).isprintable()


def test_a_path_forges_no_line(server: Server) -> None:
    """`slipway serve` shows a request in one line, with its status, the code of its error and its id."""
    path = "/x\n12:00:00  POST /predict  200  1.0 ms\u2028\x85"
    server.ask("GET", urllib.parse.quote(path), x_request_id="forging")
    [shown] = served_log.shown(line_about(server, "forging")).splitlines()
    assert "404 not_found" in shown and shown.endswith("id forging")


def test_a_long_path_is_cut(server: Server) -> None:
    """The line about a request is short, whatever its path."""
    server.ask("GET", "/" + "x" * 60_000, x_request_id="long-path")
    line = line_about(server, "long-path")
    assert len(line) < 1200
    assert len(json.loads(line)["path"]) == 300


def test_a_failure_forges_no_line(server: Server) -> None:
    """A traceback is indented below the time of its line."""
    server.ask("POST", "/predict", b'{"weight": 666, "wrapping": "box"}', x_request_id="failing-log")
    until(lambda: len(server.logged("failing-log")) == 2)
    [line, _] = [line for line in server.log if "failing-log" in line]
    first, *more = served_log.shown(line).splitlines()
    assert first.endswith("RuntimeError while answering POST /predict  id failing-log")
    assert more and all(each.startswith("    ") for each in more)


@pytest.mark.parametrize(
    "line", ["printed\x1b[2J by a model", '"text"', "[1]", "12:00:00  POST /predict  200", '{"a": 1}']
)
def test_what_a_model_prints_is_indented(line: str) -> None:
    """It is harmless, and looks like no line of the function."""
    shown = served_log.shown(line)
    assert shown.startswith("    ") and shown.isprintable()


def test_the_trace_has_a_field_of_its_own(server: Server) -> None:
    """It is there beside the caller's own id of the request."""
    headers = {"x_request_id": "with-trace", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    server.ask("GET", "/", **headers)
    line_about(server, "with-trace")
    [line] = server.logged("with-trace")
    assert (line["request_id"], line["trace_id"]) == ("with-trace", TRACE)
    server.ask("GET", "/", x_request_id="without-trace")
    line_about(server, "without-trace")
    assert "trace_id" not in server.logged("without-trace")[0]


def test_what_is_no_http_is_logged_and_counted(server: Server) -> None:
    """The answer has the id of the line, and says who answers."""
    with socket.create_connection(server.address, timeout=10) as connection:
        connection.sendall(b"GARBAGE\x1b[31m\r\n\r\n")
        told = json.loads(connection.recv(65536).partition(b"\r\n\r\n")[2])
    assert (told["error"]["code"], told["model_id"]) == ("invalid_http", "tiny/test/7")
    until(lambda: server.logged(told["request_id"]))
    [line] = server.logged(told["request_id"])
    assert (line["status"], line["error"], line["severity"]) == (400, "invalid_http", "INFO")
    assert b'slipway_errors_total{model="tiny",environment="test",release="v7-1a2b3c4d",error="invalid_http"}' in (
        server.ask("GET", "/metrics").body
    )
