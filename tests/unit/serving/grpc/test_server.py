"""The function over gRPC: the same function, with the status, health, metadata and shutdown of gRPC."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest

from slipway.artifacts import Golden
from slipway.errors import SlipwayError
from slipway.images import clients, running
from slipway.images.bundle import Bundle
from slipway.serving.access import FOLDER, KIND
from slipway.serving.grpc.messages import message
from tests.unit.serving import tiny
from tests.unit.serving.conftest import Server
from tests.waiting import until

SERVICE = "/inference.GRPCInferenceService"
HEALTH = "/grpc.health.v1.Health/Check"

Call = Callable[..., Any]


@contextmanager
def calls(url: str) -> Iterator[Call]:
    """Yield a call that sends a message and returns the answer and its trailing metadata."""
    with grpc.insecure_channel(urlsplit(url).netloc, [("grpc.enable_http_proxy", 0)]) as channel:

        def call(path: str, request: Any, answer: str = "", **metadata: str) -> tuple[Any, dict[str, Any]]:
            content = request if isinstance(request, bytes) else request.SerializeToString()
            given = [(name.replace("_", "-"), value) for name, value in metadata.items()]
            found, done = channel.unary_unary(path).with_call(content, timeout=20, metadata=given)
            return message(answer).FromString(found) if answer else found, dict(done.trailing_metadata())

        yield call


@pytest.fixture
def call(grpc_server: Server) -> Iterator[Call]:
    with calls(grpc_server.url) as found:
        yield found


def request(*values: float, **more: Any) -> Any:
    """Return a request with rows as typed contents."""
    made = message("ModelInferRequest")(model_name="tiny", **more)
    weight = made.inputs.add(name="weight", datatype="FP64", shape=[len(values)])
    weight.contents.fp64_contents.extend(values)
    wrapping = made.inputs.add(name="wrapping", datatype="BYTES", shape=[len(values)])
    wrapping.contents.bytes_contents.extend([b"box"] * len(values))
    return made


def logged(server: Server, request_id: str) -> list[dict[str, Any]]:
    """Wait for the log of a call, which may come later than the answer, and return its lines."""
    until(lambda: server.logged(request_id))
    return server.logged(request_id)


def shaped(*sizes: int) -> Any:
    """Return a request whose first tensor has this shape."""
    made = request(2)
    made.inputs[0].shape[:] = sizes
    return made


def misplaced(**contents: Any) -> Any:
    """Return a request whose first tensor has these contents, too."""
    made = request(2)
    made.inputs[0].contents.MergeFrom(message("InferTensorContents")(**contents))
    return made


def refused(call: Call, *asked: Any, **metadata: str) -> Any:
    with pytest.raises(grpc.RpcError) as caught:
        call(*asked, **metadata)
    return caught.value


def test_typed_contents_get_typed_contents(call: Call) -> None:
    """The answer has the predictions, the caller's id, and model id and release as parameters."""
    answer, beside = call(
        f"{SERVICE}/ModelInfer", request(2, 4, id="mine"), "ModelInferResponse", x_request_id="asked-1"
    )
    [output] = answer.outputs
    assert (output.name, output.datatype, list(output.shape)) == ("price", "FP64", [2])
    assert list(output.contents.fp64_contents) == [4.0, 5.0]
    assert (answer.model_name, answer.model_version, answer.id) == ("tiny", "7", "mine")
    assert answer.parameters["release"].string_param == "v7-1a2b3c4d"
    assert beside["x-request-id"] == "asked-1"


def test_requests_are_logged_as_over_http(call: Call, grpc_server: Server) -> None:
    """A call has one line, with rows and code and without content; a health check has none."""
    call(f"{SERVICE}/ModelInfer", request(2, 4), x_request_id="logged-call")
    refused(call, f"{SERVICE}/ModelInfer", request(-123.25), x_request_id="refused-call")
    call(HEALTH, message("HealthCheckRequest")(), x_request_id="probe")
    [line] = logged(grpc_server, "logged-call")
    assert (line["path"], line["status"], line["rows"]) == (f"{SERVICE}/ModelInfer", 200, 2)
    [line] = logged(grpc_server, "refused-call")
    assert (line["status"], line["error"]) == (400, "invalid_rows")
    assert "123.25" not in json.dumps(line)
    assert grpc_server.logged("probe") == []


def test_health_is_grpcs_own(call: Call) -> None:
    """Kubernetes may ask for the server or the service; another service is not found."""
    for service in ("", "inference.GRPCInferenceService"):
        assert call(HEALTH, message("HealthCheckRequest")(service=service), "HealthCheckResponse")[0].status == 1
    error = refused(call, HEALTH, message("HealthCheckRequest")(service="other"))
    assert error.code() is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        (request(2, -1), "INVALID_ARGUMENT", "row 1: weight: -1.0 is below the minimum 0 kg"),
        (request(*[2] * 51), "RESOURCE_EXHAUSTED", "51 rows; the limit is 50"),
        (request(*[2] * 350), "RESOURCE_EXHAUSTED", " vs. 4096)"),
        (request(*[2] * 1000), "RESOURCE_EXHAUSTED", " vs. 4096)"),
        (request(2, outputs=[{"name": "price"}] * 2), "INVALID_ARGUMENT", "output 'price' is asked for twice"),
        (shaped(*[2**62] * 300), "INVALID_ARGUMENT", "is no shape"),
        (shaped(), "INVALID_ARGUMENT", "[] is no shape"),
        (misplaced(int_contents=[3]), "INVALID_ARGUMENT", "FP64 stand in fp64_contents, and it has int_contents"),
        (misplaced(bytes_contents=[b""]), "INVALID_ARGUMENT", "and it has bytes_contents"),
        (request(2, model_version="8"), "NOT_FOUND", "tiny has no version '8' here; there is 7"),
        (request(2, raw_input_contents=[b""]), "INVALID_ARGUMENT", "2 tensors and 1 raw contents"),
        (request(2, raw_input_contents=[b"12345678"] * 2), "INVALID_ARGUMENT", "contents beside the raw ones"),
        (b"\xff\xff", "INVALID_ARGUMENT", "the message is no ModelInferRequest"),
    ],
)
def test_wrong_requests_are_refused(call: Call, asked: Any, code: str, words: str) -> None:
    """A refusal has its status, row, field and what to mend."""
    error = refused(call, f"{SERVICE}/ModelInfer", asked)
    assert error.code().name == code
    assert words in error.details()


@pytest.mark.parametrize("weight", [666, 667, *range(669, 673)])
def test_failure_of_the_model_is_internal(call: Call, grpc_server: Server, weight: int) -> None:
    """Any error is answered, also one that is no `Exception`; only the log has the reason."""
    error = refused(call, f"{SERVICE}/ModelInfer", request(weight), x_request_id=f"failing-{weight}")
    assert (error.code(), "swordfish" in error.details()) == (grpc.StatusCode.INTERNAL, False)
    until(lambda: len(grpc_server.logged(f"failing-{weight}")) == 2)
    assert grpc_server.logged(f"failing-{weight}")[-1]["status"] == 500
    assert call(f"{SERVICE}/ModelInfer", request(2))


def test_refusals_about_any_text_keep_their_status(bundled: Bundle) -> None:
    """The details fit into the headers of gRPC, which drops larger ones now and then for another status."""
    asked = request(*[2] * 50)
    with running.start(bundled.folder, env={"SLIPWAY_PROTOCOL": "grpc"}) as function, calls(function.url) as call:
        for text in ("袋" * 60, "%" * 60, "ä" * 60, "x" * 60, "\n" * 60):
            asked.inputs[1].contents.bytes_contents[:] = [text.encode()] * 50
            for _ in range(40):
                error = refused(call, f"{SERVICE}/ModelInfer", asked)
                assert error.code() is grpc.StatusCode.INVALID_ARGUMENT, (text, error.details())
                assert error.details().startswith("row 0: wrapping: ")


def test_pings_end_no_connection(grpc_server: Server) -> None:
    """Each ping of a client that keeps its connection alive is answered, and no frame says good-bye."""
    ping = bytes.fromhex("000008 06 00 00000000") + b"keep me!"
    with socket.create_connection(Server(*grpc_server).address, timeout=20) as connection:
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes.fromhex("000000 04 00 00000000"))
        told = b""
        for sent in range(1, 21):
            connection.sendall(ping)
            while told.count(b"keep me!") < sent:
                piece = connection.recv(4096)
                assert piece, told
                told += piece
    assert b"too_many_pings" not in told


def test_unknown_calls_are_unimplemented(call: Call, grpc_server: Server) -> None:
    """The refusal names the known calls, and is logged."""
    error = refused(call, f"{SERVICE}/ModelStreamInfer", b"", x_request_id="unknown-call")
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert "inference.GRPCInferenceService has ServerLive, ServerReady" in error.details()
    [line] = logged(grpc_server, "unknown-call")
    assert (line["status"], line["error"]) == (405, "method_not_allowed")


def test_streams_are_unimplemented(grpc_server: Server) -> None:
    """This holds with and without a message."""
    with grpc.insecure_channel(urlsplit(grpc_server.url).netloc, [("grpc.enable_http_proxy", 0)]) as channel:
        stream = channel.stream_stream(f"{SERVICE}/ModelStreamInfer")
        ended = threading.Event()

        def nothing() -> Iterator[bytes]:
            ended.wait()
            yield from ()

        with pytest.raises(grpc.RpcError) as caught:
            next(stream(nothing(), timeout=20))
        ended.set()
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_too_large_a_message_is_logged(call: Call, grpc_server: Server) -> None:
    """gRPC refuses it by itself; it is logged as over HTTP, and nothing else is written."""
    before = len(grpc_server.log)
    for rows in (350, 5000):
        refused(call, f"{SERVICE}/ModelInfer", request(*[2] * rows), x_request_id=f"too-large-{rows}")
        [line] = logged(grpc_server, f"too-large-{rows}")
        assert (line["status"], line["error"]) == (413, "body_too_large")
    call(f"{SERVICE}/ModelInfer", request(2), x_request_id="after")
    logged(grpc_server, "after")
    assert len(grpc_server.log) == before + 3


def test_caller_who_does_not_wait_is_recorded(tmp_path: Path) -> None:
    """A call past its deadline is logged and counted, and no longer in progress."""
    hold, log = tmp_path / "hold", list[str]()
    port = running.usable_port("127.0.0.1", 0)
    env = {"SLIPWAY_PROTOCOL": "grpc", "SLIPWAY_METRICS_PORT": str(port)}
    folder = tiny.bundled(tmp_path, code=tiny.held(hold)).folder
    with running.start(folder, env=env, echo=log.append) as function:
        server, metrics = Server(function.url, log), Server(f"http://127.0.0.1:{port}", [])
        hold.touch()
        with grpc.insecure_channel(urlsplit(function.url).netloc, [("grpc.enable_http_proxy", 0)]) as channel:
            asked = channel.unary_unary(f"{SERVICE}/ModelInfer").future(
                request(2).SerializeToString(), metadata=[("x-request-id", "left")], timeout=600
            )
            until(tiny.begun(hold).exists)
            asked.cancel()
            [line] = logged(server, "left")
        hold.unlink()
        told = metrics.ask("GET", "/metrics").body.decode()
    assert (line["status"], line["error"]) == (499, "disconnected")
    assert f'route="{SERVICE}/ModelInfer",code="499"}} 1' in told
    assert 'slipway_requests_in_progress{model="tiny",environment="dev",release="dev"} 0' in told


def test_metrics_have_a_port_of_their_own(bundled: Bundle) -> None:
    """Prometheus asks over HTTP/1.1; calls are counted by their names."""
    port = running.usable_port("127.0.0.1", 0)
    env = {"SLIPWAY_PROTOCOL": "grpc", "SLIPWAY_METRICS_PORT": str(port)}
    with running.start(bundled.folder, env=env) as function, calls(function.url) as call:
        call(f"{SERVICE}/ModelInfer", request(2, 4))
        metrics = Server(f"http://127.0.0.1:{port}", []).ask("GET", "/metrics").body.decode()
        assert Server(f"http://127.0.0.1:{port}", []).ask("GET", "/").status == 404
    assert f'route="{SERVICE}/ModelInfer",code="200"}} 1' in metrics
    assert 'slipway_predictions_total{model="tiny",environment="dev",release="dev",outcome="number"} 2' in metrics


def test_calls_need_access(bundled: Bundle) -> None:
    """A call without a key is refused, health is open, and verification brings a key."""
    keys = bundled.folder.parent / "keys"
    keys.mkdir()
    (keys / "ada").write_text("secret")
    env = {"SLIPWAY_PROTOCOL": "grpc", FOLDER: str(keys), KIND: "bearer"}
    with running.start(bundled.folder, env=env) as function, calls(function.url) as call:
        error = refused(call, f"{SERVICE}/ServerMetadata", b"")
        assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        assert dict(error.trailing_metadata())["x-error-code"] == "unauthorized"
        assert call(f"{SERVICE}/ModelInfer", request(2), authorization="Bearer secret")
        assert call(f"{SERVICE}/ServerLive", b"", "ServerLiveResponse")[0].live
        assert call(f"{SERVICE}/ServerReady", b"", "ServerReadyResponse")[0].ready
        assert call(HEALTH, b"", "HealthCheckResponse")[0].status == 1
        assert refused(call, f"{SERVICE}/ModelReady", b"").code() is grpc.StatusCode.UNAUTHENTICATED
        with pytest.raises(SlipwayError, match="does not let us in") as caught:
            clients.describe(function.url)
        assert "SLIPWAY_KEY" in caught.value.fix


def test_long_prediction_blocks_nobody_and_is_finished(tmp_path: Path) -> None:
    """Health is answered meanwhile; after SIGTERM the call is answered, and the process ends with status 0."""
    hold = tmp_path / "hold"
    folder = tiny.bundled(tmp_path, code=tiny.held(hold)).folder
    with running.start(folder, env={"SLIPWAY_PROTOCOL": "grpc"}) as function, calls(function.url) as call:
        answers: list[Any] = []
        asking = threading.Thread(target=lambda: answers.append(call(f"{SERVICE}/ModelInfer", request(2))))
        hold.touch()
        asking.start()
        until(tiny.begun(hold).exists)
        call(HEALTH, message("HealthCheckRequest")())
        assert not answers
        function.process.terminate()
        hold.unlink()
        asking.join()
        assert len(answers) == 1
        assert function.process.wait() == 0


def test_values_may_be_missing_in_some_rows(tmp_path: Path) -> None:
    """An output is the same alone and beside others, and verification reads the golden predictions."""
    golden: list[Any] = [{"price": 4.0, "why": "wet", "by": {"a": 1.0}}, {"price": 8.0, "why": None, "by": None}]
    code = tiny.CODE.replace("return prices", f"return [{golden}[price == 8] for price in prices]")
    folder = tiny.bundled(tmp_path, code=code, predictions=golden).folder
    with running.start(folder, env={"SLIPWAY_PROTOCOL": "grpc"}) as function, calls(function.url) as call:
        for weights in ([2.0], [2.0, 10.0]):
            answer, _ = call(f"{SERVICE}/ModelInfer", request(*weights), "ModelInferResponse")
            found = {each.name: each for each in answer.outputs}
            types = {name: each.datatype for name, each in found.items()}
            assert types == {"price": "FP64", "why": "BYTES", "by.a": "FP64"}
            assert list(found["why"].contents.bytes_contents) == [b"wet", b"null"][: len(weights)]
        assert clients.reproduce(function.url, Golden(rows=tiny.ROWS, predictions=golden)) == golden


def test_unknown_protocol_is_refused(bundled: Bundle) -> None:
    """The function does not start and says why."""
    env = {"SLIPWAY_PROTOCOL": "soap"}
    with pytest.raises(SlipwayError, match="SLIPWAY_PROTOCOL is 'soap'"), running.start(bundled.folder, env=env):
        pass
