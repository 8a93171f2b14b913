"""The values of a tensor as bytes, as the Open Inference Protocol sends them beside JSON and in gRPC's raw contents.

Numbers are little-endian and lie one after the other; each text (`BYTES`) has its length, four bytes, before it.
https://github.com/kserve/kserve/blob/master/docs/predict-api/v2/binary_tensor_data.md
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Any

from slipway.serving.tensors import refused

__all__ = ["FORMATS", "decode", "encode", "text_of"]

FORMATS = {
    "FP64": "d",
    "FP32": "f",
    "FP16": "e",
    "INT64": "q",
    "INT32": "i",
    "INT16": "h",
    "INT8": "b",
    "UINT64": "Q",
    "UINT32": "I",
    "UINT16": "H",
    "UINT8": "B",
    "BOOL": "?",
}
"""By datatype, what `struct` calls it."""

_LENGTH = struct.Struct("<I")


def decode(name: str, datatype: str, content: bytes) -> list[Any]:
    """The values in the `content` of the tensor `name`; raises `Refusal` (400) when it is cut off or no such values."""
    if datatype == "BYTES":
        return list(_texts(name, content))
    format_ = FORMATS.get(datatype)
    if format_ is None:
        raise refused(name, f"the datatype {datatype[:20]!r} has no bytes that are read here")
    size = struct.calcsize(f"<{format_}")
    if len(content) % size:
        raise refused(name, f"{len(content)} bytes are no whole number of {datatype}, which has {size}")
    return list(struct.unpack(f"<{len(content) // size}{format_}", content))


def encode(datatype: str, values: Sequence[Any]) -> bytes:
    """The bytes of `values`, where None is not a number (NaN) or the text `null`; nothing else has a missing value."""
    if datatype == "BYTES":
        return b"".join(_LENGTH.pack(len(text)) + text for text in map(text_of, values))
    return struct.pack(f"<{len(values)}{FORMATS[datatype]}", *(float("nan") if v is None else v for v in values))


def text_of(value: str | None) -> bytes:
    """A text as bytes; `null` for None, for bytes of a text have no missing value."""
    return b"null" if value is None else value.encode()


def _texts(name: str, content: bytes) -> Iterator[str]:
    at = 0
    while at < len(content):
        begin = at + _LENGTH.size
        at = begin + (_LENGTH.unpack_from(content, at)[0] if begin <= len(content) else 0)
        if begin > len(content) or at > len(content):
            raise refused(name, "its bytes end within a text; each has its length in four bytes before it")
        try:
            yield content[begin:at].decode()
        except UnicodeDecodeError:
            raise refused(name, "a text in it is not UTF-8") from None
