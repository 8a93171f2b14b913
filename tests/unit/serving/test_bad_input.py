"""Wrong and hostile requests: each gets an answer that says what is wrong, and other callers notice nothing."""

import json
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import pytest

from slipway.images import running
from slipway.serving.function import Limits
from slipway.serving.process import METRICS_PORT, PROTOCOL
from tests.fuzz.run import call, memory, run
from tests.unit.serving import tiny
from tests.unit.serving.conftest import Server
from tests.waiting import until

ROW = {"weight": 2, "wrapping": "box"}
HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the bundle of a model that never fails."""
    code = tiny.CODE
    for weight in ("666", "667", "668"):
        code = code.replace(f'row["weight"] == {weight}', "False")
    code = code.replace('row["weight"] in FAILURES', "False")
    return tiny.bundled(tmp_path_factory.mktemp("roomy"), code=code).folder


@pytest.fixture(scope="module")
def roomy(sound: Path) -> Iterator[Server]:
    """Run its function with the default limits."""
    log: list[str] = []
    with running.start(sound, echo=log.append) as started:
        yield Server(started.url, log)


def refused(server: Server, body: bytes) -> tuple[int, str, str]:
    reply = server.ask("POST", "/predict", body, Content_Type="application/json")
    return reply.status, reply.json["error"]["code"], reply.json["error"]["message"]


def test_the_most_rows_fit_into_the_largest_body(roomy: Server) -> None:
    """10,000 rows are over no limit of bytes."""
    row = {"weight": 123.456, "wrapping": "paper", "fragile": None}
    reply = roomy.ask("POST", "/predict", json.dumps([row] * Limits().rows, indent=40).encode())
    assert (reply.status, len(reply.json["prediction"])) == (200, 10_000)


WIDE = [f"mean_{number}" for number in range(30)]
SUMS = f"""
from slipway.model import Model

class Tiny(Model):
    source_features = {WIDE}
    target_variable = "price"
    by_column = True

    def predict(self, columns):
        return columns[self.source_features].repeat(8, axis=1).mean(axis=1).tolist()
"""


def test_memory_of_large_requests_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After 10,000 wide rows the process has little more than before; the C library by itself keeps far more."""
    rows = [dict.fromkeys(WIDE, value) for value in (0.5, 1.25)]
    fields = [{"name": name, "kind": "number"} for name in WIDE]
    monkeypatch.setattr(tiny, "SCHEMA", {"fields": fields, "target": {"name": "price", "kind": "number"}})
    monkeypatch.setattr(tiny, "ROWS", rows)
    body = json.dumps([{**rows[0], "mean_0": number / 8} for number in range(10_000)]).encode()
    after = []
    with running.start(tiny.bundled(tmp_path, code=SUMS, predictions=[0.5, 1.25]).folder) as started:
        server, before = Server(started.url, []), memory(started.url)
        for _ in range(3):
            assert server.ask("POST", "/predict", body).status == 200
            after.append(memory(started.url))
    assert median(after) < before + (24 << 20)


@pytest.mark.parametrize("word", ["NaN", "Infinity", "-Infinity"])
def test_numbers_outside_json_are_refused(roomy: Server, word: str) -> None:
    """The refusal names the number, although Python's own parser would accept it."""
    body = json.dumps(ROW).replace("2", word).encode()
    assert refused(roomy, body) == (400, "invalid_json", f"{word} is no number in JSON")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"[" * 500_000, "invalid_json"),
        (b'{"weight":' * 50_000 + b"1" + b"}" * 50_000, "invalid_json"),
        (b"[" * 900 + b"]" * 900, "invalid_rows"),
        (b'{"weight": ' + b"9" * 5000 + b"}", "invalid_json"),
        (b'{"weight": 1e400, "wrapping": "box"}', "invalid_rows"),
        (b'{"weight": 1, "weight": 1, "wrapping": "box"}', "duplicate_key"),
        (json.dumps(ROW).encode("utf-16"), "invalid_encoding"),
        (json.dumps(ROW).encode("utf-32-be"), "invalid_encoding"),
        (b'{"wrapping": "\xe9"}', "invalid_encoding"),
        (b'["\\ud800"]', "invalid_json"),
        (json.dumps(ROW).encode()[:-5], "invalid_json"),
        (b"\0" * 1000, "invalid_encoding"),
    ],
)
def test_unusual_json_is_refused(roomy: Server, body: bytes, code: str) -> None:
    """Deep nesting, many digits, other encodings and half characters get 400 with a code."""
    assert refused(roomy, body)[:2] == (400, code)


def test_one_bad_row_is_named(roomy: Server) -> None:
    """The refusal of a thousand rows names the row, the field and what is needed."""
    rows = [ROW] * 617 + [{"weight": 2, "wraping": "box"}] + [ROW] * 382
    reply = roomy.ask("POST", "/predict", json.dumps(rows).encode())
    problems = {(found["row"], found["field"]): found["message"] for found in reply.json["error"]["problems"]}
    assert reply.status == 400
    assert problems.keys() == {(617, "wraping"), (617, "wrapping")}
    assert "did you mean 'wrapping'?" in problems[617, "wraping"]
    assert roomy.ask("POST", "/predict", json.dumps([ROW] * 1000).encode()).json["prediction"] == [4.0] * 1000


def test_a_refusal_by_the_model_without_a_row(tmp_path: Path) -> None:
    """It names a single row, and none among several."""
    code = tiny.CODE.replace(", row=index", "")
    with running.start(tiny.bundled(tmp_path, code=code).folder) as started:
        server = Server(started.url, [])
        of_two = server.ask("POST", "/predict", json.dumps([ROW, ROW | {"weight": 0}]).encode())
        of_one = server.ask("POST", "/predict", json.dumps(ROW | {"weight": 0}).encode())
    problem = {"field": "weight", "message": "a parcel weighs something"}
    assert (of_two.status, of_one.status) == (400, 400)
    assert of_two.json["error"]["message"] == "weight: a parcel weighs something"
    assert of_two.json["error"]["problems"] == [problem]
    assert of_one.json["error"]["message"] == "row 0: weight: a parcel weighs something"
    assert of_one.json["error"]["problems"] == [{"row": 0, **problem}]


def answer(connection: socket.socket) -> bytes:
    """Return all bytes until the connection ends or an answer is complete."""
    found = b""
    while b"\r\n\r\n" not in found and (piece := connection.recv(65536)):
        found += piece
    return found


def test_a_length_below_the_body_ends_it(roomy: Server) -> None:
    """The body ends at that length, and the rest is no request."""
    body = json.dumps(ROW).encode()
    with socket.create_connection(roomy.address, timeout=10) as connection:
        connection.sendall(HEAD + b"Content-Length: 5\r\n\r\n" + body)
        assert answer(connection).startswith(b"HTTP/1.1 400 ")


def test_a_length_above_the_body_blocks_nobody(roomy: Server) -> None:
    """The function waits for the rest and answers others, until the caller leaves."""
    with socket.create_connection(roomy.address, timeout=10) as connection:
        connection.sendall(HEAD + b"X-Request-Id: waiting\r\nContent-Length: 5000\r\n\r\n" + json.dumps(ROW).encode())
        assert roomy.ask("POST", "/predict", json.dumps(ROW).encode()).status == 200
    until(lambda: roomy.logged("waiting"))
    assert roomy.logged("waiting")[0]["error"] == "disconnected"


def test_contradicting_lengths_are_refused(roomy: Server) -> None:
    """A request that two servers could read differently is refused."""
    for headers in (b"Content-Length: 5\r\nContent-Length: 6", b"Content-Length: 5\r\nTransfer-Encoding: chunked"):
        with socket.create_connection(roomy.address, timeout=10) as connection:
            connection.sendall(HEAD + headers + b"\r\n\r\n" + b"0\r\n\r\n")
            assert answer(connection).startswith(b"HTTP/1.1 400 "), headers


def test_two_hundred_slow_callers_block_nobody(roomy: Server) -> None:
    """Callers send a byte now and then, of the head or the body: others are answered, and memory stays."""
    body, before = json.dumps(ROW).encode(), memory(roomy.url)
    with ExitStack() as stack:
        slow = [stack.enter_context(socket.create_connection(roomy.address, timeout=10)) for _ in range(200)]
        for number, connection in enumerate(slow):
            connection.sendall(HEAD + (b"Content-Length: 100\r\n\r\n{" if number % 2 else b"X-Slow: "))
        for _ in range(5):
            for connection in slow:
                connection.sendall(b" ")
            for _ in range(20):
                assert roomy.ask("POST", "/predict", body).json["prediction"] == 4.0
        answered, _, _ = select.select(slow, [], [], 0)
        assert not answered
        assert memory(roomy.url) < before + (30 << 20)
    assert roomy.ask("POST", "/predict", body).status == 200


@pytest.mark.parametrize("count", [1500, pytest.param(30_000, marks=pytest.mark.long(40))])
def test_random_requests_are_answered(roomy: Server, count: int) -> None:
    """Right and wrong requests on every route all get an answer below 500."""
    found = run(roomy.url, count, seed=1)
    assert found.wrong == []
    assert sum(found.statuses.values()) == count and max(found.statuses) < 500
    assert {200, 400, 404, 405, 413, 415} <= found.statuses.keys()
    assert failures(roomy.log) == []


@pytest.mark.parametrize("count", [150, pytest.param(20_000, marks=pytest.mark.long(150))])
def test_random_calls_are_answered(sound: Path, roomy: Server, count: int) -> None:
    """Right and wrong calls over gRPC all end as they should, and as the same requests over HTTP."""
    log, port = list[str](), str(running.usable_port("127.0.0.1", 0))
    env = {PROTOCOL: "grpc", METRICS_PORT: port}
    with running.start(sound, env=env, echo=log.append) as function:
        found = call(function.url, roomy.url, f"http://127.0.0.1:{port}", count, seed=1)
        assert failures(log) == []
    assert found.wrong == []
    assert sum(found.statuses.values()) == count
    assert {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "UNIMPLEMENTED"} <= found.statuses.keys()


def failures(log: list[str]) -> list[str]:
    """Return the lines of a log that tell of a failure, and those that are not the function's own."""
    return [line for line in log if '"ERROR"' in line or not line.startswith("{")]


def test_the_log_has_no_content_of_requests(roomy: Server) -> None:
    """The log of a wrong request has neither its values nor names that its caller chose."""
    for body in (
        b'{"4711-secret": 1}',
        b'{"wrapping": "4711-secret"}',
        b'"4711-secret"',
        b"4711-secret",
        b'["4711-secret"',
    ):
        assert roomy.ask("POST", "/predict", body).status == 400
        assert roomy.ask("POST", "/v2/models/tiny/infer", body).status == 400
    assert not any("4711-secret" in line for line in roomy.log)
