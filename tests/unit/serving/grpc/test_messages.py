"""The messages of gRPC: they agree with the .proto files and with NVIDIA's client."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from slipway.serving.grpc import messages

FOLDER = Path(messages.__file__).parent


def test_descriptor_is_that_of_the_proto_files(client: Callable[..., str], tmp_path: Path) -> None:
    """`protoc` compiles the same descriptors; the module's docstring has the command that writes them."""
    compiled = tmp_path / "compiled.binpb"
    protos = sorted((path.name for path in FOLDER.glob("*.proto")), reverse=True)
    client("-m", "grpc_tools.protoc", f"-I{FOLDER}", f"--descriptor_set_out={compiled}", *protos)
    written = (FOLDER / "messages.binpb").read_bytes()
    assert FileDescriptorSet.FromString(written) == FileDescriptorSet.FromString(compiled.read_bytes())


def test_messages_are_those_of_the_protocol(client: Callable[..., str]) -> None:
    """Every message has the fields, by name, number and type, of NVIDIA's description of it."""
    theirs = json.loads(client("messages.py"))
    nested = {"InferParameter", "InferTensorContents", "InferInputTensor", "InferRequestedOutputTensor"}
    ours = {method.DESCRIPTOR.name for path, method in messages.METHODS.items() if path.startswith("/inference.")}
    for name in nested | ours | {name.replace("Request", "Response") for name in ours}:
        assert fields(messages.message(name)) == theirs[name], name


def fields(message: Any) -> list[list[Any]]:
    """Return name, number and type of each field, and whether it repeats."""
    return [[each.name, each.number, each.type, each.is_repeated] for each in message.DESCRIPTOR.fields]
