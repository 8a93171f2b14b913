"""The messages of the Open Inference Protocol over gRPC, and of gRPC's own health checks, as Python classes.

They are described here and not in generated code; a test holds them to what NVIDIA's client has.
https://github.com/kserve/open-inference-protocol/blob/main/specification/protocol/open_inference_grpc.proto
https://github.com/grpc/grpc/blob/master/doc/health-checking.md
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

__all__ = ["message"]

_TYPES = {
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "double": FieldDescriptorProto.TYPE_DOUBLE,
    "float": FieldDescriptorProto.TYPE_FLOAT,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "int64": FieldDescriptorProto.TYPE_INT64,
    "string": FieldDescriptorProto.TYPE_STRING,
    "uint32": FieldDescriptorProto.TYPE_UINT32,
    "uint64": FieldDescriptorProto.TYPE_UINT64,
}

# By message, its fields in the order of their numbers, from 1: `*` is repeated, `#` a map from text, and what begins
# with a capital letter another message.
_INFERENCE = {
    "ServerLiveRequest": "",
    "ServerLiveResponse": "bool live",
    "ServerReadyRequest": "",
    "ServerReadyResponse": "bool ready",
    "ModelReadyRequest": "string name, string version",
    "ModelReadyResponse": "bool ready",
    "ServerMetadataRequest": "",
    "ServerMetadataResponse": "string name, string version, string* extensions",
    "ModelMetadataRequest": "string name, string version",
    "TensorMetadata": "string name, string datatype, int64* shape",
    "ModelMetadataResponse": "string name, string* versions, string platform, TensorMetadata* inputs, "
    "TensorMetadata* outputs",
    "InferParameter": "bool bool_param, int64 int64_param, string string_param, double double_param, "
    "uint64 uint64_param",
    "InferTensorContents": "bool* bool_contents, int32* int_contents, int64* int64_contents, uint32* uint_contents, "
    "uint64* uint64_contents, float* fp32_contents, double* fp64_contents, bytes* bytes_contents",
    "InferInputTensor": "string name, string datatype, int64* shape, InferParameter# parameters, "
    "InferTensorContents contents",
    "InferRequestedOutputTensor": "string name, InferParameter# parameters",
    "ModelInferRequest": "string model_name, string model_version, string id, InferParameter# parameters, "
    "InferInputTensor* inputs, InferRequestedOutputTensor* outputs, bytes* raw_input_contents",
    "InferOutputTensor": "string name, string datatype, int64* shape, InferParameter# parameters, "
    "InferTensorContents contents",
    "ModelInferResponse": "string model_name, string model_version, string id, InferParameter# parameters, "
    "InferOutputTensor* outputs, bytes* raw_output_contents",
}
# Which of them exclude one another.
_CHOICES = {"InferParameter": "parameter_choice"}

_HEALTH = {"HealthCheckRequest": "string service", "HealthCheckResponse": "int32 status"}


def message(name: str) -> Any:
    """The class of a message: `ModelInferRequest`, `HealthCheckRequest`."""
    return _CLASSES[name]


def _file(package: str, messages: dict[str, str]) -> FileDescriptorProto:
    file = FileDescriptorProto(name=f"slipway/{package}.proto", package=package, syntax="proto3")
    for name, fields in messages.items():
        made = file.message_type.add(name=name)
        if name in _CHOICES:
            made.oneof_decl.add(name=_CHOICES[name])
        for number, field in enumerate(filter(None, fields.split(", ")), 1):
            _add(made, field, number, f".{package}")
    return file


def _add(made: DescriptorProto, field: str, number: int, package: str) -> None:
    type_, name = field.split(" ")
    plain = type_.rstrip("*#")
    repeated = type_ != plain
    label = FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL
    added = made.field.add(name=name, number=number, label=label)
    if type_.endswith("#"):
        entry = _entry(made, name, plain, package)
        added.type, added.type_name = FieldDescriptorProto.TYPE_MESSAGE, f"{package}.{made.name}.{entry}"
    else:
        _set_type(added, plain, package)
    if made.oneof_decl:
        added.oneof_index = 0


def _entry(made: DescriptorProto, name: str, value: str, package: str) -> str:
    """A map is a list of pairs, as protocol buffers send it."""
    entry = made.nested_type.add(name="".join(part.capitalize() for part in name.split("_")) + "Entry")
    entry.options.map_entry = True
    for number, (key, type_) in enumerate((("key", "string"), ("value", value)), 1):
        _set_type(entry.field.add(name=key, number=number, label=FieldDescriptorProto.LABEL_OPTIONAL), type_, package)
    return str(entry.name)


def _set_type(field: FieldDescriptorProto, type_: str, package: str) -> None:
    if type_ in _TYPES:
        field.type = _TYPES[type_]
    else:
        field.type, field.type_name = FieldDescriptorProto.TYPE_MESSAGE, f"{package}.{type_}"


def _classes() -> dict[str, Any]:
    # A pool of our own: clients in the same process bring their descriptions of the same messages.
    pool = descriptor_pool.DescriptorPool()
    files = [_file("inference", _INFERENCE), _file("grpc.health.v1", _HEALTH)]
    for file in files:
        pool.Add(file)
    names = [f"{file.package}.{each.name}" for file in files for each in file.message_type]
    found = [message_factory.GetMessageClass(pool.FindMessageTypeByName(name)) for name in names]
    return {each.DESCRIPTOR.name: each for each in found}


_CLASSES = _classes()
