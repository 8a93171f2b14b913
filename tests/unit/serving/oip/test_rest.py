"""The Open Inference Protocol over HTTP: answers by the specification, and refusals in its form."""

import json
import struct
from typing import Any

import pytest

from slipway.images import running
from slipway.images.bundle import Bundle
from tests.unit.serving.conftest import Server
from tests.waiting import until

INFER = "/v2/models/tiny/infer"


def tensor(name: str, datatype: str, *data: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [len(data)], "data": list(data), **more}


def weights(*values: Any) -> list[dict[str, Any]]:
    return [tensor("weight", "FP64", *values), tensor("wrapping", "BYTES", *["box"] * len(values))]


def infer(server: Server, content: Any, path: str = INFER, **headers: str) -> Any:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return server.ask("POST", path, body, **headers)


def test_server_describes_itself(server: Server) -> None:
    """The server has name, version and extensions, also with a slash at the end of the path."""
    expected = {"name": "slipway", "version": "v7-1a2b3c4d", "extensions": ["binary_tensor_data"]}
    assert server.ask("GET", "/v2").json == server.ask("GET", "/v2/").json == expected


@pytest.mark.parametrize("path", ["/v2/models/tiny", "/v2/models/tiny/versions/7"])
def test_model_is_described_by_the_schema(server: Server, path: str) -> None:
    """Inputs are the fields, outputs those of the golden predictions; -1 is any number of rows."""
    assert server.ask("GET", path).json == {
        "name": "tiny",
        "versions": ["7"],
        "platform": "slipway_python",
        "inputs": [
            {"name": "weight", "datatype": "FP64", "shape": [-1]},
            {"name": "wrapping", "datatype": "BYTES", "shape": [-1]},
            {"name": "fragile", "datatype": "BOOL", "shape": [-1]},
        ],
        "outputs": [{"name": "price", "datatype": "FP64", "shape": [-1]}],
    }


@pytest.mark.parametrize("path", ["/v2/health/live", "/v2/health/ready", "/v2/models/tiny/ready"])
def test_server_and_model_are_ready(server: Server, path: str) -> None:
    """Health is 200, also for HEAD."""
    assert server.ask("GET", path).status == server.ask("HEAD", path).status == 200


@pytest.mark.parametrize("path", [INFER, "/v2/models/tiny/versions/7/infer"])
def test_predictions_are_tensors(server: Server, path: str) -> None:
    """The target is the output, the parameters have the identity, and the caller's id comes back."""
    answer = infer(server, {"id": "mine", "inputs": weights(2, 4.0)}, path)
    assert answer.status == 200
    assert answer.json == {
        "model_name": "tiny",
        "model_version": "7",
        "id": "mine",
        "parameters": {"model_id": "tiny/test/7", "release": "v7-1a2b3c4d"},
        "outputs": [{"name": "price", "datatype": "FP64", "shape": [2], "data": [4.0, 5.0]}],
    }


def test_nested_lists_agree_with_the_shape(server: Server) -> None:
    """Data may be nested, and must then agree with the shape."""
    first = tensor("weight", "FP64", [2], [4], shape=[2, 1])
    second = tensor("wrapping", "BYTES", "box", "box")
    assert infer(server, {"inputs": [first, second]}).json["outputs"][0]["data"] == [4.0, 5.0]
    first["shape"] = [1, 2]
    error = infer(server, {"inputs": [first, second]}).json
    assert error["error"] == "tensor 'weight': its shape is [1, 2], and its lists are [2, 1]"
    first["data"] = [[2], [4, 5]]
    assert "not of equal length" in infer(server, {"inputs": [first, second]}).json["error"]


def test_null_counts_as_missing(server: Server) -> None:
    """Some clients write null for every field that they leave out."""
    inputs = [{**each, "parameters": None} for each in weights(2)]
    asked = {"inputs": inputs, "id": None, "parameters": None, "outputs": None}
    answer = infer(server, asked)
    assert answer.status == 200 and "id" not in answer.json
    outputs = [{"name": "price", "parameters": None}]
    assert infer(server, {**asked, "outputs": outputs}).json["outputs"] == answer.json["outputs"]


def test_tensors_as_bytes(server: Server) -> None:
    """They follow the JSON in the order of the inputs, and in the answer on request."""
    content = struct.pack("<2d", 2, 4) + b"\x03\x00\x00\x00box" * 2
    inputs = [
        {"name": "weight", "datatype": "FP64", "shape": [2], "parameters": {"binary_data_size": 16}},
        {"name": "wrapping", "datatype": "BYTES", "shape": [2], "parameters": {"binary_data_size": 14}},
    ]
    text = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    headers = {"Inference_Header_Content_Length": str(len(text)), "Content_Type": "application/octet-stream"}
    answer = infer(server, text + content, **headers)
    assert (answer.status, answer.headers["content-type"]) == (200, "application/octet-stream")
    length = int(answer.headers["inference-header-content-length"])
    assert json.loads(answer.body[:length])["outputs"][0]["parameters"] == {"binary_data_size": 16}
    assert struct.unpack("<2d", answer.body[length:]) == (4.0, 5.0)

    left_over = infer(server, text + content + b"x", **headers)
    assert (left_over.status, left_over.json["code"]) == (400, "invalid_request")
    cut = infer(server, text + content[:-1], **headers)
    assert "binary_data_size is 14, and 13 bytes are there" in cut.json["error"]
    wrong = infer(server, text + content, Inference_Header_Content_Length="9999", Content_Type="application/json")
    assert "the body has" in wrong.json["error"]


@pytest.mark.parametrize(
    ("status", "code", "content", "message"),
    [
        (400, "invalid_rows", {"inputs": weights(2, "4")}, "row 1: weight: a number is needed, not a string"),
        (400, "invalid_rows", {"inputs": weights(0)}, "row 0: weight: a parcel weighs something"),
        (400, "invalid_rows", b'{"inputs": [{"name":"weight","datatype":"FP64","shape":[1],"data":[1e400]}, '
            b'{"name":"wrapping","datatype":"BYTES","shape":[1],"data":["box"]}]}', "not a finite number"),
        (400, "invalid_tensors", {"inputs": weights(2)[:1]}, "input tensors are missing: wrapping"),
        (400, "invalid_tensors", {"inputs": weights(2), "outputs": [{"name": "prize"}]}, "did you mean 'price'?"),
        (400, "invalid_request", {}, "missing required field `inputs`"),
        (400, "invalid_request", [], "no inference request"),
        (400, "invalid_request", {"inputs": [tensor("weight", "FP64", 1, shape=["1"])]}, "Expected `int`, got `str`"),
        (400, "invalid_request", {"inputs": weights(2), "id": 7}, "Expected `str | null`, got `int` - at `$.id`"),
        (400, "invalid_request", {"inputs": [{"name": "x", "datatype": "FP64", "shape": [1]}]}, "needs either data"),
        (400, "invalid_json", b"{", "not JSON"),
        (400, "duplicate_key", b'{"inputs": [], "inputs": []}', "stands twice"),
        (400, "invalid_tensors", {"inputs": weights(2), "outputs": [{"name": "price"}] * 2}, "asked for twice"),
        (400, "invalid_tensors", {"inputs": weights(666), "outputs": [{"name": "prize"}]}, "did you mean 'price'?"),
        (400, "invalid_tensors", {"inputs": [tensor("weight", "FP64", 1, shape=[10**18] * 180)]}, "is no shape"),
        (400, "invalid_tensors", {"inputs": [tensor("weight", "FP64", [1], shape=[10**900] * 4)]}, "its lists are"),
        (400, "invalid_tensors", {"inputs": [tensor("weight", "FP64", 1, shape=[])]}, "[] is no shape"),
        (400, "invalid_request", {"inputs": [tensor("weight", "FP64", 1, shape=[[1]])]}, "Expected `int`, got `array`"),
        (413, "too_many_rows", {"inputs": weights(*[2] * 51)}, "51 rows; the limit is 50"),
        (500, "internal", {"inputs": weights(666)}, "request id"),
    ],
)  # fmt: skip
def test_refusals_have_the_form_of_the_protocol(
    server: Server, status: int, code: str, content: Any, message: str
) -> None:
    """`error` is a sentence; code and problems are beside it."""
    answer = infer(server, content)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert message in answer.json["error"]
    assert answer.json["request_id"] == answer.headers["x-request-id"]
    assert b"swordfish" not in answer.body


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/v2/models/iris", 404, "there is no model 'iris' here; there is tiny"),
        ("GET", "/v2/models/tiny/versions/8", 404, "tiny has no version '8' here; there is 7"),
        ("GET", "/v2/models/tiny/config", 404, "there is no such path"),
        ("GET", "/v2/models//ready", 404, "there is no such path"),
        ("GET", INFER, 405, "it takes POST"),
        ("POST", "/v2/models/tiny", 405, "it takes GET, HEAD"),
    ],
)
def test_unknown_models_are_refused(server: Server, method: str, path: str, status: int, message: str) -> None:
    """The refusal names the model and version that are served."""
    answer = server.ask(method, path, b"{}" if method == "POST" else None)
    assert answer.status == status
    assert message in answer.json["error"]


def test_other_content_types_are_refused(server: Server) -> None:
    """A body of bytes without JSON is refused, and so is a form."""
    assert infer(server, {"inputs": weights(2)}, Content_Type="text/csv").status == 415
    assert infer(server, {"inputs": weights(2)}, "/predict", Content_Type="application/octet-stream").status == 415


def test_one_bad_row_among_a_thousand_is_named(bundled: Bundle) -> None:
    """The refusal has row and field, in either form of a request."""
    values = [2.0] * 1000
    values[617] = -3
    with running.start(bundled.folder) as function:
        server = Server(function.url, [])
        by_tensors = infer(server, {"inputs": weights(*values)}).json["problems"]
        rows = [{"weight": value, "wrapping": "box"} for value in values]
        by_rows = server.ask("POST", "/predict", json.dumps(rows).encode()).json["error"]["problems"]
    assert by_tensors == by_rows == [{"row": 617, "field": "weight", "message": "-3 is below the minimum 0 kg"}]


def test_requests_are_counted_and_logged_by_their_route(server: Server) -> None:
    """Names that a caller chose are never labels."""
    server.ask("GET", "/v2/models/anything", X_Request_Id="unknown-model")
    metrics = server.ask("GET", "/metrics").body.decode()
    assert 'route="/v2/models/{model}",code="404"' in metrics
    assert "anything" not in metrics
    until(lambda: server.logged("unknown-model"))
    assert server.logged("unknown-model")[0]["error"] == "no_model"
