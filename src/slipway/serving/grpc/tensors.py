"""Tensors in gRPC's messages: typed contents, or the same bytes as behind JSON (`raw_input_contents`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slipway.serving.answers import Refusal
from slipway.serving.grpc.messages import message
from slipway.serving.oip import tensors as binary
from slipway.serving.oip.tensors import Tensor, refused

__all__ = ["fill", "read"]

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


def read(given: Sequence[Any], raw: Sequence[bytes]) -> list[Tensor]:
    """The tensors that `given` describes, with their contents or those in `raw`.

    Raises `Refusal` (400) that says what is wrong with them.
    """
    if raw and len(raw) != len(given):
        problem = f"{len(given)} tensors and {len(raw)} raw contents; each tensor has one"
        raise Refusal(400, "invalid_request", problem)
    values = [_raw(*each) for each in zip(given, raw, strict=True)] if raw else [_typed(each) for each in given]
    return [
        Tensor(each.name, each.datatype, tuple(each.shape), found) for each, found in zip(given, values, strict=True)
    ]


def fill(described: Any, tensors: Sequence[Tensor], raw: Any = None) -> None:
    """Add `tensors` to a message's own (`inputs`, `outputs`), the values as bytes to its `raw` contents where given."""
    for tensor in tensors:
        made = described.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        if raw is not None:
            raw.append(binary.encode(tensor.datatype, tensor.values))
        else:
            getattr(made.contents, _CONTENTS[tensor.datatype]).extend(_plain(tensor))


def _plain(tensor: Tensor) -> list[Any]:
    if tensor.datatype == "BYTES":
        return [binary.text_of(value) for value in tensor.values]
    return [float("nan") if value is None else value for value in tensor.values]


def _typed(given: Any) -> list[Any]:
    name = _CONTENTS.get(given.datatype)
    if name is None:
        fix = "has no typed contents; send raw_input_contents"
        raise refused(given.name, f"the datatype {given.datatype[:20]!r} {fix}")
    values = list(getattr(given.contents, name))
    if given.datatype != "BYTES":
        return values
    try:
        return [value.decode() for value in values]
    except UnicodeDecodeError:
        raise refused(given.name, "a text in it is not UTF-8") from None


def _raw(given: Any, content: bytes) -> list[Any]:
    if given.HasField("contents") and given.contents != message("InferTensorContents")():
        problem = f"tensor {given.name[:60]!r} has contents beside the raw ones"
        raise Refusal(400, "invalid_request", problem)
    return binary.decode(given.name, given.datatype, content)
