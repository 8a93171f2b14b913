"""The function over HTTP: every answer is JSON, and tells a caller what to do."""

import json
import re
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from slipway.images import running
from tests.unit.serving import tiny
from tests.unit.serving.conftest import MAX_BODY, MAX_ROWS, Server
from tests.waiting import until

ROW = {"weight": 2, "wrapping": "box"}
JSON = "application/json"


def predict(server: Server, content: Any, **headers: str) -> Any:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return server.ask("POST", "/predict", body, **{"Content_Type": JSON, **headers})


def test_problems_beyond_the_listed_ones_are_counted(server: Server) -> None:
    """The check stops at twenty problems and says `at least`."""
    found = [predict(server, [{**ROW, "weight": -1}] * count).json["error"]["message"] for count in (19, 20, 21)]
    ends = ["(and 18 more)", "(and at least 19 more)", "(and at least 19 more)"]
    assert [each.rpartition(" (and")[1:] for each in found] == [(" (and", end[4:]) for end in ends]


def test_row_gives_its_prediction(server: Server) -> None:
    """One object gets one prediction, with model id and release."""
    answer = predict(server, ROW)
    expected = {"status": "ok", "prediction": 4.0, "model_id": "tiny/test/7", "release": "v7-1a2b3c4d"}
    assert (answer.status, answer.json) == (200, expected)
    assert answer.headers["content-type"] == JSON


@pytest.mark.parametrize(("rows", "predictions"), [([ROW], [4.0]), ([ROW, {**ROW, "weight": 4}], [4.0, 5.0]), ([], [])])
def test_list_gives_a_list(server: Server, rows: list[Any], predictions: list[float]) -> None:
    """A list gets a list of the same length, an empty one included."""
    assert predict(server, rows).json["prediction"] == predictions


def test_golden_rows_are_answered_as_trained(server: Server) -> None:
    """The function answers the example of its description as written there."""
    example = server.ask("GET", "/").json["example"]
    assert predict(server, example["request"]).json == example["answer"]
    assert predict(server, tiny.ROWS).json["prediction"] == tiny.PREDICTIONS


@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=utf-8", "application/vnd.x+json", ""])
def test_json_is_accepted_under_its_names(server: Server, content_type: str) -> None:
    """Every media type of JSON is accepted, and none at all."""
    assert predict(server, ROW, Content_Type=content_type).status == 200


@pytest.mark.parametrize(
    ("content", "problems"),
    [
        ({"wrapping": "box"}, [(0, "weight", "is missing")]),
        ([ROW, {**ROW, "weight": "2"}], [(1, "weight", "a number is needed, not a string")]),
        ({**ROW, "weight": -1}, [(0, "weight", "below the minimum 0 kg")]),
        ({**ROW, "weight": None}, [(0, "weight", "has no value")]),
        ({**ROW, "weight": True}, [(0, "weight", "a number is needed")]),
        (b'{"weight": 1e400, "wrapping": "box"}', [(0, "weight", "finite")]),
        ({**ROW, "wrapping": "papr"}, [(0, "wrapping", "did you mean 'paper'?")]),
        ({**ROW, "wheight": 2}, [(0, "wheight", "did you mean 'weight'?")]),
        ([ROW, 3], [(1, "", "an object is needed")]),
        ([[ROW]], [(0, "", "an object is needed, not a list")]),
        ([None], [(0, "", "an object is needed")]),
        ([ROW, {**ROW, "weight": 0}], [(1, "weight", "a parcel weighs something")]),
        ([{"wrapping": "box"}, {**ROW, "fragile": 1}], [(0, "weight", "missing"), (1, "fragile", "true or false")]),
    ],
)
def test_wrong_rows_are_named(server: Server, content: Any, problems: list[tuple[int, str, str]]) -> None:
    """A row that does not fit gets 400 with row, field and reason of each problem."""
    answer = predict(server, content)
    error = answer.json["error"]
    assert (answer.status, answer.json["status"], error["code"]) == (400, "error", "invalid_rows")
    assert [(found["row"], found["field"]) for found in error["problems"]] == [place[:2] for place in problems]
    for found, (_, _, message) in zip(error["problems"], problems, strict=True):
        assert message in found["message"]


@pytest.mark.parametrize(
    ("status", "code", "method", "path", "content", "headers"),
    [
        (400, "empty_body", "POST", "/predict", b"", {}),
        (400, "empty_body", "POST", "/predict", b" \n", {}),
        (400, "invalid_json", "POST", "/predict", b"{", {}),
        (400, "invalid_json", "POST", "/predict", b'"weight"', {}),
        (400, "invalid_json", "POST", "/predict", b"[" * 4000, {}),
        (400, "duplicate_key", "POST", "/predict", b'{"weight": 1, "weight": 2}', {}),
        (400, "invalid_encoding", "POST", "/predict", json.dumps(ROW).encode("utf-16"), {}),
        (400, "invalid_event", "POST", "/", b"{}", {}),
        (404, "not_found", "GET", "/favicon.ico", None, {}),
        (404, "not_found", "GET", "/robots.txt", None, {}),
        (404, "not_found", "GET", "/predict/x", None, {}),
        (404, "not_found", "GET", "/%00%ff<script>", None, {}),
        (405, "method_not_allowed", "GET", "/predict", None, {}),
        (405, "method_not_allowed", "HEAD", "/predict", None, {}),
        (405, "method_not_allowed", "DELETE", "/", None, {}),
        (405, "method_not_allowed", "TRACE", "/predict", None, {}),
        (413, "body_too_large", "POST", "/predict", b" " * (MAX_BODY + 1), {}),
        (413, "too_many_rows", "POST", "/predict", json.dumps([{}] * (MAX_ROWS + 1)).encode(), {}),
        (415, "unsupported_media_type", "POST", "/predict", b"{}", {"Content_Type": "text/csv"}),
        (415, "unsupported_media_type", "POST", "/predict", b"{}", {"Content_Type": "json"}),
        (415, "unsupported_media_type", "POST", "/predict", b"{}", {"Content_Type": f"{JSON}; charset=latin-1"}),
        (415, "unsupported_media_type", "POST", "/predict", b"{}", {"Content_Encoding": "br"}),
    ],
)
def test_refusals_are_json(
    server: Server, status: int, code: str, method: str, path: str, content: bytes | None, headers: dict[str, str]
) -> None:
    """A request that cannot be carried out gets its status and an error in JSON, never HTML or plain text."""
    answer = server.ask(method, path, content, **headers)
    assert (answer.status, answer.headers["content-type"]) == (status, JSON)
    if method != "HEAD":
        assert answer.json["status"] == "error"
        assert answer.json["error"]["code"] == code
        assert answer.json["error"]["message"]
        assert answer.json["request_id"] == answer.headers["x-request-id"]


def test_unknown_path_names_the_known(server: Server) -> None:
    """404 lists the paths."""
    assert "/predict" in server.ask("GET", "/predicts").json["error"]["message"]


def test_wrong_method_names_the_right(server: Server) -> None:
    """405 has the header Allow."""
    assert server.ask("GET", "/predict").headers["allow"] == "POST, OPTIONS"
    assert server.ask("POST", "/health/live", b"").headers["allow"] == "GET, HEAD, OPTIONS"


def test_options_are_told(server: Server) -> None:
    """OPTIONS gives the methods of a path, and 404 where there is none."""
    answer = server.ask("OPTIONS", "/predict")
    assert (answer.status, answer.headers["allow"], answer.body) == (204, "POST, OPTIONS", b"")
    assert "content-length" not in answer.headers
    assert server.ask("OPTIONS", "/nothing").status == 404


@pytest.mark.parametrize("weight", range(669, 673))
def test_failure_on_the_event_loop_stays_inside(brief: Server, weight: int) -> None:
    """An error that is no `Exception` is answered as any other, and the function goes on."""
    answer = predict(brief, {**ROW, "weight": weight})
    assert (answer.status, answer.json["error"]["code"]) == (500, "internal")
    assert predict(brief, ROW).status == 200
    assert b'code="499"' not in brief.ask("GET", "/metrics").body


@pytest.mark.parametrize("weight", [666, 667, *range(669, 673)])
def test_failure_of_the_model_stays_inside(server: Server, weight: int) -> None:
    """A model that raises, or tries to end the process, gives a 500 without internals; the log has the reason."""
    answer = predict(server, {**ROW, "weight": weight}, X_Request_Id=f"failing-{weight}")
    assert (answer.status, answer.json["error"]["code"]) == (500, "internal")
    assert f"failing-{weight}" in answer.json["error"]["message"]
    assert b"swordfish" not in answer.body
    assert b"Traceback" not in answer.body
    failure, request = _logged(server, f"failing-{weight}", 2)
    assert failure["severity"] == request["severity"] == "ERROR"
    assert "predict" in failure["traceback"]
    assert request["status"] == 500


def _logged(server: Server, request_id: str, lines: int) -> list[dict[str, Any]]:
    until(lambda: len(server.logged(request_id)) >= lines)
    return server.logged(request_id)


def test_request_is_logged_in_one_line_without_its_content(server: Server) -> None:
    """The log has path, status, time, rows and identity of a request, and nothing of its content."""
    predict(server, [{**ROW, "weight": 123.25}, ROW], X_Request_Id="logged-once")
    (line,) = _logged(server, "logged-once", 1)
    assert (line["method"], line["path"], line["status"]) == ("POST", "/predict", 200)
    assert line["milliseconds"] > 0
    assert (line["rows"], line["model_id"], line["release"]) == (2, "tiny/test/7", "v7-1a2b3c4d")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert not any("123.25" in line or "HTTP/1.1" in line for line in server.log)


def test_refusal_is_logged_by_its_code(server: Server) -> None:
    """The log has the code of a refusal, and not its problems, which quote the request."""
    predict(server, {**ROW, "wrapping": "secret paper"}, X_Request_Id="refused-once")
    (line,) = _logged(server, "refused-once", 1)
    assert (line["status"], line["error"], line["severity"]) == (400, "invalid_rows", "INFO")
    assert "secret paper" not in json.dumps(line)


def test_health_is_not_logged(server: Server) -> None:
    """Probes come every few seconds and are not logged."""
    server.ask("GET", "/health/ready", X_Request_Id="probe")
    predict(server, ROW, X_Request_Id="after-probe")
    _logged(server, "after-probe", 1)
    assert server.logged("probe") == []


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"X_Request_Id": "mine"}, "mine"),
        (
            {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
            "0af7651916cd43dd8448eb211c80319c",
        ),
        (
            {"traceparent": "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"},
            "0af7651916cd43dd8448eb211c80319c",
        ),
        ({"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more"}, "(?!0af7)[0-9a-f]{32}"),
        ({"traceparent": "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, "(?!0af7)[0-9a-f]{32}"),
        ({"traceparent": f"00-{'0' * 32}-b7ad6b7169203331-01"}, "(?!0{32})[0-9a-f]{32}"),
        ({"X_Request_Id": "two words"}, "[0-9a-f]{32}"),
        ({"X_Request_Id": "x" * 200}, "[0-9a-f]{32}"),
        ({}, "[0-9a-f]{32}"),
    ],
)
def test_request_id_is_echoed(server: Server, headers: dict[str, str], expected: str) -> None:
    """The caller's id or trace comes back; an invalid or missing one is replaced."""
    assert re.fullmatch(expected, predict(server, ROW, **headers).headers["x-request-id"])


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/health/ready/"])
def test_health_is_answered(server: Server, path: str) -> None:
    """Both probes answer 200 with model id and release."""
    answer = server.ask("GET", path)
    assert (answer.status, answer.json["status"], answer.json["model_id"]) == (200, "ok", "tiny/test/7")


@pytest.mark.parametrize("path", ["/", "/health/live", "/health/ready"])
def test_head_is_get_without_body(server: Server, path: str) -> None:
    """HEAD gives the status and the headers of GET."""
    get, head = server.ask("GET", path), server.ask("HEAD", path)
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


def test_description_is_enough_to_call_it(server: Server) -> None:
    """GET / has identity, description, schema, limits, endpoints and versions."""
    told = server.ask("GET", "/").json
    assert (told["model_id"], told["release"]) == ("tiny/test/7", "v7-1a2b3c4d")
    assert told["description"] == "Estimates the price of a parcel.\n\nIt knows three kinds of wrapping."
    assert told["schema"]["input"]["properties"]["wrapping"]["enum"] == ["paper", "box", "none"]
    assert told["schema"]["input"]["required"] == ["weight", "wrapping"]
    assert told["schema"]["prediction"]["type"] == "number"
    assert told["limits"] == {"body": MAX_BODY, "rows": MAX_ROWS, "seconds": 60}
    assert "POST /predict" in told["endpoints"]
    assert told["versions"]["functions-framework"]


def send(server: Server, *pieces: bytes) -> bytes:
    """Send raw bytes, and return the head of the answer and the beginning of its body."""
    with socket.create_connection(server.address, timeout=5) as connection:
        for piece in pieces:
            connection.sendall(piece)
        answer = connection.recv(65536)
        while b"\r\n\r\n{" not in answer:
            answer += connection.recv(65536)
        return answer


@pytest.mark.parametrize(
    "request_",
    [
        b"GARBAGE\r\n\r\n",
        b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # no host
        b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 70_000,
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
    ],
)
def test_malformed_http_is_refused_in_json(server: Server, request_: bytes) -> None:
    """A request that never reaches the function is answered in JSON as well, and the connection ends."""
    head, body = send(server, request_).split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ") and b"content-type: application/json\r\n" in head
    assert json.loads(body)["error"]["code"] == "invalid_http"


def test_large_body_is_refused_before_it_is_sent(server: Server) -> None:
    """A length over the limit is refused from the headers alone."""
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999\r\n\r\n"
    assert send(server, head).startswith(b"HTTP/1.1 413 ")


def test_large_body_of_unknown_length_is_refused_while_it_comes(server: Server) -> None:
    """A body in chunks is counted as it comes, so the answer does not wait for its end."""
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = send(server, head, *[b"400\r\n" + b" " * 1024 + b"\r\n"] * 5)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"body_too_large"' in answer


def test_large_body_is_read_to_its_end_by_a_simple_client(server: Server) -> None:
    """A client that sends all before it reads still gets its 413, not a broken connection."""
    assert server.ask("POST", "/predict", b" " * (8 << 20)).status == 413


def test_small_body_of_unknown_length_is_answered(server: Server) -> None:
    """A body in chunks needs no length."""
    body = json.dumps(ROW).encode()
    head = b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert send(server, head, b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)).startswith(b"HTTP/1.1 200 ")


def test_caller_that_goes_away_harms_nobody(server: Server) -> None:
    """A body without its end is logged, and others are answered."""
    with socket.create_connection(server.address, timeout=5) as connection:
        connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nX-Request-Id: left\r\nContent-Length: 100\r\n\r\n{")
    (line,) = _logged(server, "left", 1)
    assert line["status"] == 499
    assert predict(server, ROW).status == 200


def test_long_prediction_does_not_block_others(tmp_path: Path) -> None:
    """While a slow model predicts, health is answered at once."""
    hold = tmp_path / "hold"
    with running.start(tiny.bundled(tmp_path, code=tiny.held(hold)).folder) as started:
        server = Server(started.url, [])
        slow = threading.Thread(target=predict, args=(server, ROW))
        hold.touch()
        slow.start()
        until(tiny.begun(hold).exists)
        assert server.ask("GET", "/health/live").status == 200
        assert slow.is_alive()
        hold.unlink()
        slow.join()
