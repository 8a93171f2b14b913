"""Reflection of gRPC: a client learns all calls from the function, if it is let in."""

import json
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool

from slipway.images import running
from slipway.images.bundle import Bundle
from slipway.serving.access import FOLDER, KIND
from slipway.serving.grpc import messages
from slipway.serving.grpc.messages import STREAMS, message
from tests.unit.serving.conftest import Server

PATHS = sorted(STREAMS)


def told(url: str, path: str, asked: Sequence[dict[str, Any]], **metadata: str) -> list[Any]:
    """Return the responses to some requests in one stream."""
    requests = (message("ServerReflectionRequest")(**each).SerializeToString() for each in asked)
    with grpc.insecure_channel(urlsplit(url).netloc, [("grpc.enable_http_proxy", 0)]) as channel:
        stream = channel.stream_stream(path)(requests, timeout=20, metadata=list(metadata.items()))
        return [message("ServerReflectionResponse").FromString(each) for each in stream]


@pytest.mark.parametrize("path", PATHS)
def test_every_service_and_message_is_described(grpc_server: Server, path: str) -> None:
    """A pool of the files that are told has each method; several requests share a stream."""
    [listed] = told(grpc_server.url, path, [{"list_services": ""}])
    services = [each.name for each in listed.list_services_response.service]
    pool = DescriptorPool()
    for answer in told(grpc_server.url, path, [{"file_containing_symbol": name} for name in services]):
        for file in answer.file_descriptor_response.file_descriptor_proto:
            pool.Add(FileDescriptorProto.FromString(file))
    found = {f"/{each}/{method}" for each in services for method in pool.FindServiceByName(each).methods_by_name}
    assert found == set(messages.METHODS) - {path for path in STREAMS if "alpha" in path}


@pytest.mark.parametrize(
    ("asked", "declared"),
    [
        ({"file_containing_symbol": "inference.GRPCInferenceService.ModelInfer"}, "open_inference.proto"),
        ({"file_containing_symbol": "grpc.health.v1.HealthCheckResponse.ServingStatus"}, "health.proto"),
        ({"file_by_filename": "reflection.proto"}, "reflection.proto"),
        ({"file_by_filename": "nothing.proto"}, "NOT_FOUND"),
        ({"file_containing_symbol": "inference.GRPCInferenceService.Nothing"}, "NOT_FOUND"),
        ({"file_containing_extension": {"containing_type": "inference.ModelInferRequest"}}, "NOT_FOUND"),
        ({"all_extension_numbers_of_type": "inference.Nothing"}, "NOT_FOUND"),
        ({"all_extension_numbers_of_type": "inference.ModelInferRequest"}, "inference.ModelInferRequest"),
        ({}, "INVALID_ARGUMENT"),
    ],
)
def test_answer_to_each_kind_of_request(grpc_server: Server, asked: dict[str, Any], declared: str) -> None:
    """What there is not is told in the response, and the stream goes on; the request comes back."""
    answers = told(grpc_server.url, PATHS[0], [{"host": "here", **asked}, {"list_services": ""}])
    answer, after = answers
    assert answer.original_request == message("ServerReflectionRequest")(host="here", **asked)
    assert (answer.valid_host, len(after.list_services_response.service)) == ("here", 3)
    if code := answer.error_response.error_code:
        assert grpc.StatusCode[declared].value[0] == code
        assert answer.error_response.error_message
    elif files := answer.file_descriptor_response.file_descriptor_proto:
        assert [FileDescriptorProto.FromString(each).name for each in files] == [declared]
    else:
        assert answer.all_extension_numbers_response.base_type_name == declared


def test_foreign_client_learns_the_calls(grpc_server: Server, client: Callable[..., str]) -> None:
    """gRPC's own client for Python predicts without any generated code."""
    found = json.loads(client("reflection.py", urlsplit(grpc_server.url).netloc))
    assert found["answer"]["outputs"][0]["contents"] == {"fp64Contents": [4.0]}
    assert "inference.GRPCInferenceService" in found["services"]


@pytest.mark.parametrize("path", PATHS)
def test_strangers_learn_nothing(bundled: Bundle, path: str) -> None:
    """As `/openapi.json`, it needs the key, and each request is logged with its caller."""
    keys = bundled.folder.parent / "keys"
    keys.mkdir()
    (keys / "ada").write_text("secret")
    log: list[str] = []
    env = {"SLIPWAY_PROTOCOL": "grpc", FOLDER: str(keys), KIND: "bearer"}
    with running.start(bundled.folder, env=env, echo=log.append) as function:
        with pytest.raises(grpc.RpcError) as caught:
            told(function.url, path, [{"list_services": ""}])
        assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
        known = {"authorization": "Bearer secret", "x-request-id": "known"}
        assert told(function.url, path, [{"list_services": ""}] * 2, **known)
    lines = Server("", log).logged("known")
    assert [(line["path"], line["status"], line["caller"]) for line in lines] == [(path, 200, "ada")] * 2


@pytest.mark.parametrize("path", ["/inference.GRPCInferenceService/ModelInfer", PATHS[0]])
def test_silent_caller_does_not_hold_up_the_end(bundled: Bundle, path: str) -> None:
    """A call without a message, and a stream without a next one, end by themselves."""
    main = bundled.folder / "patience.py"
    main.write_text(
        "from slipway.serving import process\nprocess.PATIENCE = 1\nfrom slipway.serving.__main__ import main\nmain()\n"
    )
    ended = threading.Event()

    def nothing() -> Iterator[bytes]:
        ended.wait()
        yield from ()

    port = running.usable_port("127.0.0.1", 0)
    env = {"SLIPWAY_PROTOCOL": "grpc", "PORT": str(port), "HOST": "127.0.0.1", "PYTHONPATH": str(bundled.folder)}
    command = [sys.executable, str(main)]
    with (
        running.process(command, f"grpc://127.0.0.1:{port}", cwd=bundled.folder, env=env),
        grpc.insecure_channel(f"127.0.0.1:{port}", [("grpc.enable_http_proxy", 0)]) as channel,
    ):
        stream = channel.stream_stream(path)(nothing(), timeout=20, wait_for_ready=True)
        code = stream.code()
        ended.set()
    expected = grpc.StatusCode.OK if path in STREAMS else grpc.StatusCode.DEADLINE_EXCEEDED
    assert code is expected
    assert path in STREAMS or stream.details() == "the message was not there after 1 seconds"
