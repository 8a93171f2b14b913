"""The messages of gRPC as Python classes, and the tensors in them.

The .proto files beside this module define the messages; `messages.binpb` is their compiled FileDescriptorSet, so
that no function needs a compiler or generated code. After changing a .proto, run in this folder:

    uv tool run --from grpcio-tools==1.81.1 --with setuptools python -m grpc_tools.protoc \
        -I . --descriptor_set_out messages.binpb reflection.proto open_inference.proto health.proto
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from slipway.serving.answers import Refusal
from slipway.serving.oip import tensors as binary
from slipway.serving.oip.tensors import Tensor, refused


def _pool(files: FileDescriptorSet) -> DescriptorPool:
    """Return a pool of our own: clients in the same process bring their descriptors of the same messages."""
    pool = DescriptorPool()
    for file in files.file:
        pool.Add(file)
    return pool


_SET = FileDescriptorSet.FromString(Path(__file__).with_name("messages.binpb").read_bytes())
FILES: Any = _SET.file
POOL = _pool(_SET)
_CLASSES: dict[str, Any] = {
    each.name: message_factory.GetMessageClass(POOL.FindMessageTypeByName(f"{file.package}.{each.name}"))
    for file in FILES
    for each in file.message_type
}

METHODS: dict[str, Any] = {
    f"/{file.package}.{service.name}/{method.name}": _CLASSES[method.input_type.rpartition(".")[2]]
    for file in FILES
    for service in file.service
    for method in service.method
}
"""The class of the request by the path of its method: `/inference.GRPCInferenceService/ModelInfer`."""

_REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
_EARLIER = _REFLECTION.replace(".v1.", ".v1alpha.")  # of the same messages, and all that many clients speak
METHODS[_EARLIER] = METHODS[_REFLECTION]

STREAMS = frozenset({_REFLECTION, _EARLIER})
"""The paths of the methods that take any number of messages, and answer each."""


def message(name: str) -> Any:
    """Return the class of a message, as `ModelInferRequest` or `HealthCheckRequest`."""
    return _CLASSES[name]


_CONTENTS = {
    "BOOL": "bool_contents",
    **{f"INT{bits}": "int_contents" for bits in (8, 16, 32)},
    **{f"UINT{bits}": "uint_contents" for bits in (8, 16, 32)},
    "INT64": "int64_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def read(described: Sequence[Any], raw: Sequence[bytes]) -> list[Tensor]:
    """Return the tensors of a message, with their typed contents or those in `raw`.

    Raise `Refusal` (400) when contents are missing, doubled, or in the field of another datatype.
    """
    if raw and len(raw) != len(described):
        problem = f"{len(described)} tensors and {len(raw)} raw contents; each tensor has one"
        raise Refusal(400, "invalid_request", problem)
    values = map(_raw, described, raw) if raw else map(_typed, described)
    return [
        Tensor(each.name, each.datatype, tuple(each.shape), found)
        for each, found in zip(described, values, strict=True)
    ]


def fill(described: Any, tensors: Sequence[Tensor], raw: Any = None) -> None:
    """Add `tensors` to a message's `inputs` or `outputs`; their values become bytes in `raw` where that is given."""
    for tensor in tensors:
        made = described.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        if raw is not None:
            raw.append(binary.encode(tensor.datatype, tensor.values))
        elif tensor.datatype == "BYTES":
            made.contents.bytes_contents.extend(map(binary.text_of, tensor.values))
        else:
            values = [float("nan") if value is None else value for value in tensor.values]
            getattr(made.contents, _CONTENTS[tensor.datatype]).extend(values)


def _typed(tensor: Any) -> list[Any]:
    name = _CONTENTS.get(tensor.datatype)
    if name is None:
        problem = f"the datatype {tensor.datatype[:20]!r} has no typed contents; send raw_input_contents"
        raise refused(tensor.name, problem)
    if others := [field.name for field, _ in tensor.contents.ListFields() if field.name != name]:
        raise refused(tensor.name, f"the values of {tensor.datatype} stand in {name}, and it has {others[0]}")
    values = list(getattr(tensor.contents, name))
    if tensor.datatype != "BYTES":
        return values
    try:
        return [value.decode() for value in values]
    except UnicodeDecodeError:
        raise refused(tensor.name, "a text in it is not UTF-8") from None


def _raw(tensor: Any, content: bytes) -> list[Any]:
    if tensor.HasField("contents") and tensor.contents != message("InferTensorContents")():
        raise Refusal(400, "invalid_request", f"tensor {tensor.name[:60]!r} has contents beside the raw ones")
    return binary.decode(tensor.name, tensor.datatype, content)
