"""Bodies in gzip, both ways."""

import gzip
import json
import tracemalloc

import pytest

from slipway.serving.answers import Refusal
from slipway.serving.http.packing import unpack
from tests.unit.serving import tiny
from tests.unit.serving.conftest import MAX_BODY, Reply, Server

ROWS = json.dumps(tiny.ROWS).encode()
TENSORS = {
    "inputs": [
        {"name": "weight", "datatype": "FP64", "shape": [1], "data": [2]},
        {"name": "wrapping", "datatype": "BYTES", "shape": [1], "data": ["box"]},
    ]
}


def predict(server: Server, body: bytes, path: str = "/predict", **headers: str) -> Reply:
    return server.ask("POST", path, body, Content_Type="application/json", Content_Encoding="gzip", **headers)


def test_body_in_gzip_is_read(server: Server) -> None:
    """It may be in several parts, and longer ones than the packed limit are taken whole."""
    half = len(ROWS) // 2
    for body in (gzip.compress(ROWS), gzip.compress(ROWS[:half]) + gzip.compress(ROWS[half:])):
        assert predict(server, body).json["prediction"] == tiny.PREDICTIONS
    answer = predict(server, gzip.compress(json.dumps(TENSORS).encode()), "/v2/models/tiny/infer")
    assert answer.json["outputs"][0]["data"] == [4.0]


@pytest.mark.parametrize(
    ("status", "code", "body"),
    [
        (413, "body_too_large", gzip.compress(ROWS + b" " * MAX_BODY)),
        (400, "invalid_encoding", gzip.compress(ROWS)[:-9]),
        (400, "invalid_encoding", gzip.compress(ROWS) + b"{}"),
        (400, "invalid_encoding", ROWS),
        (400, "invalid_encoding", b""),
        (400, "invalid_rows", gzip.compress(b'[{"weight": -1, "wrapping": "box"}]')),
    ],
    # Packed bytes hold the time, and every worker of the tests has to know a test by the same name.
    ids=["too large", "cut", "with a rest", "not packed", "empty", "wrong rows"],
)
def test_what_is_no_gzip_is_refused(server: Server, status: int, code: str, body: bytes) -> None:
    """The limit counts what comes out; the rest is refused as in any body."""
    answer = predict(server, body)
    assert (answer.status, answer.json["error"]["code"]) == (status, code)


def test_bomb_is_refused_before_it_goes_off() -> None:
    """A kilobyte that becomes a megabyte a thousand times over takes no memory."""

    def check(size: int) -> None:
        if size > MAX_BODY:
            raise Refusal(413, "body_too_large", "")

    bomb = gzip.compress(gzip.compress(b" " * 100_000_000) + b" " * 100_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(Refusal):
            unpack(bomb, check)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("accepted", "packs"),
    [("gzip", True), ("deflate, gzip;q=0.5, br", True), ("gzip;q=0", False), ("br", False), ("", False)],
)
def test_long_answer_is_packed_for_who_accepts_it(server: Server, accepted: str, packs: bool) -> None:
    """Caches keep both forms apart."""
    plain = server.ask("GET", "/openapi.json")
    answer = server.ask("GET", "/openapi.json", Accept_Encoding=accepted)
    assert (answer.headers.get("content-encoding") == "gzip", answer.headers["vary"]) == (packs, "accept-encoding")
    assert (gzip.decompress(answer.body) if packs else answer.body) == plain.body
    assert (len(answer.body) < len(plain.body) / 2) == packs


def test_short_answer_is_sent_as_it_is(server: Server) -> None:
    """It fits into one packet."""
    answer = server.ask("POST", "/predict", ROWS, Accept_Encoding="gzip")
    assert "content-encoding" not in answer.headers and "vary" not in answer.headers
