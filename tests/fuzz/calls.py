"""Calls over gRPC: right ones, and wrong ones in every way that messages, metadata and connections allow."""

import json
import struct
from collections.abc import Callable, Sequence
from random import Random
from typing import Any, NamedTuple

from slipway.serving.grpc.messages import message
from slipway.serving.oip.tensors import FORMATS
from tests.fuzz.messages import Messages

__all__ = ["CONTENTS", "INFER", "SERVICE", "Call", "Calls", "packed"]

SERVICE = "/inference.GRPCInferenceService"
INFER = f"{SERVICE}/ModelInfer"
_HEALTH = "/grpc.health.v1.Health/Check"
_REFLECTION = [f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo" for version in ("v1", "v1alpha")]
_UNKNOWN = (
    *(f"{SERVICE}/ModelStreamInfer", f"{SERVICE}/modelinfer", f"{SERVICE}/", "/", "//", "/x/y", f"/{'x' * 3000}"),
    *("/grpc.health.v1.Health/Watch", "/inference.GRPCInferenceService", "/%2e%2e/x", f"{INFER}?x=y", "/predict"),
)

CONTENTS = {
    "BOOL": "bool_contents",
    "INT64": "int64_contents",
    "UINT64": "uint64_contents",
    "BYTES": "bytes_contents",
    **{f"INT{bits}": "int_contents" for bits in (8, 16, 32)},
    **{f"UINT{bits}": "uint_contents" for bits in (8, 16, 32)},
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
}
"""The field of each datatype's values, as the protocol says."""

_DATATYPES = (*CONTENTS, "FP16", "", "fp64", "BF16", "x" * 3000, "é\u202e\x1b[31m")
_EXTREMES: dict[str, Sequence[Any]] = {
    "bool_contents": (True, False),
    "int_contents": (0, -1, 127, 128, -129, 2**15, 2**31 - 1, -(2**31)),
    "int64_contents": (0, -1, 2**53 + 1, 2**63 - 1, -(2**63)),
    "uint_contents": (0, 255, 256, 2**16, 2**32 - 1),
    "uint64_contents": (0, 2**63, 2**64 - 1),
    "fp32_contents": (0.1, -0.0, 1e-45, 3.4e38, float("nan"), float("inf"), float("-inf")),
    "fp64_contents": (0.1, -0.0, 5e-324, 1e308, float("nan"), float("inf"), float("-inf")),
    "bytes_contents": (
        b"",
        b"\0",
        b"\xff",
        b"\xed\xa0\x80",
        "e\u0301".encode(),
        "\u202e😀".encode(),
        b"x" * 5000,
        b"[1]",
    ),
}
_TEXTS = ("", " ", "\0", "x" * 5000, "é", "e\u0301", "\x1b[31m", "\u202e", "..", "a/b", "%00", "'--", "0", "-1")
_METADATA: tuple[tuple[str, str | bytes], ...] = (
    *(("x-request-id", given) for given in ("mine", "two words", "x" * 128, "x" * 129, "")),
    *(("traceparent", given) for given in (f"00-{'a' * 32}-{'b' * 16}-01", "00-zz-01")),
    *(("authorization", given) for given in ("Bearer x", "Basic ====", "")),
    *(("any-bin", given) for given in (b"", b"\0\xff" * 50, b"x" * 3000)),
    *(("x-request-id-bin", b"\xff"), ("content-encoding", "gzip"), ("x-long", "y" * 3000), ("grpc-previous-rpc", "x")),
)
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS = bytes.fromhex("000000 04 00 00000000")
_JUNK: Sequence[Callable[[Random], bytes]] = (
    lambda random: random.randbytes(random.choice([0, 1, 24, 5000])),
    lambda random: _PREFACE + random.randbytes(random.choice([1, 9, 5000])),
    lambda random: _PREFACE + _SETTINGS + random.randbytes(random.choice([1, 9, 5000])),
    lambda _: _PREFACE + _SETTINGS + bytes.fromhex("000004 03 00 00000001 00000008") * 500,  # RST_STREAM of none
    lambda _: _PREFACE + _SETTINGS + bytes.fromhex("ffffff 00 00 00000001"),  # a frame over every limit
    lambda _: _PREFACE + _SETTINGS + bytes.fromhex("000005 01 04 00000001") + b"\x82\x86\x84\x01\xff",
    lambda _: b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}",
    lambda _: bytes.fromhex("1603010200010001fc0303") + b"\0" * 500,
)


class Call(NamedTuple):
    """A call with its messages in bytes; without a path they are bytes for a connection of their own."""

    path: str
    contents: tuple[bytes, ...]
    metadata: tuple[tuple[str, str | bytes], ...] = ()
    seconds: float = 60
    """The patience of the caller."""
    compressed: bool = False


class Calls:
    """Calls to the function that an OpenAPI document describes, drawn by `random`."""

    def __init__(self, document: dict[str, Any], random: Random) -> None:
        self.random, self.messages = random, Messages(document, random)
        self.model = self.messages.inference_path().split("/")[3]
        made: list[tuple[int, Callable[[], Call]]] = [
            *((16, self._infer), (4, self._damaged), (4, self._question), (2, self._reflection)),
            *((2, self._unknown), (1, self._counted), (1, self._broken)),
        ]
        self.kinds = [kind for weight, kind in made for _ in range(weight)]
        self.changes: list[Callable[[Any], None]] = [
            *[lambda _: None] * 3,
            *[self._raw] * 3,
            *(self._raw_damaged, self._recast, self._extreme, self._misplaced, self._many, self._described),
            *(self._repeated, self._renamed),
        ]

    def draw(self) -> Call:
        """Return the next call."""
        call = self.random.choice(self.kinds)()
        if self.random.random() < 0.2:
            call = call._replace(metadata=tuple(self.random.sample(_METADATA, self.random.randint(1, 3))))
        if self.random.random() < 0.1:
            call = call._replace(compressed=True)
        return call._replace(seconds=self.random.choice([1e-4, 0.002, 0.01])) if self.random.random() < 0.02 else call

    def _infer(self) -> Call:
        return Call(INFER, (self._request().SerializeToString(),))

    def _request(self) -> Any:
        """Return a message that asks for predictions, made of what JSON has and then changed."""
        value = self.messages.inference()
        given = value if isinstance(value, dict) else {}
        made = message("ModelInferRequest")(model_name=self.model, id=_text(given.get("id")) or "")
        for each in _listed(given.get("inputs")):
            self._add(made, each)
        for each in _listed(given.get("outputs")):
            made.outputs.add(name=_text(each.get("name")))
        for _ in range(self.random.choice([1, 1, 2])):
            self.random.choice(self.changes)(made)
        return made

    def _add(self, made: Any, given: dict[str, Any]) -> None:
        tensor = made.inputs.add(name=_text(given.get("name")), datatype=_text(given.get("datatype")))
        sizes = given.get("shape")
        tensor.shape.extend(each for each in sizes if _fits(each)) if isinstance(sizes, list) else None
        self._fill(tensor, _flat(given.get("data")))

    def _fill(self, tensor: Any, values: list[Any]) -> None:
        name = CONTENTS.get(tensor.datatype) or self.random.choice([*CONTENTS.values()])
        field = getattr(tensor.contents, name)
        if tensor.datatype == "BYTES":
            values = [value if isinstance(value, bytes) else _text(value).encode() for value in values]
        for value in values:
            try:
                field.append(value)
            except (TypeError, ValueError, OverflowError):
                field.append(self.random.choice(_EXTREMES[name]))

    def _raw(self, made: Any) -> None:
        """Move typed contents to raw ones."""
        del made.raw_input_contents[:]
        for tensor in made.inputs:
            try:
                made.raw_input_contents.append(packed(tensor.datatype, _values(tensor)))
            except (KeyError, struct.error):
                made.raw_input_contents.append(self.random.randbytes(self.random.choice([0, 4, 8, 64])))
            tensor.ClearField("contents")

    def _raw_damaged(self, made: Any) -> None:
        self._raw(made)
        contents = list(made.raw_input_contents)
        if not contents:
            return
        place = self.random.randrange(len(contents))
        piece = contents[place]
        match self.random.randrange(6):
            case 0:
                contents.pop(place)
            case 1:
                contents.insert(place, piece)
            case 2:
                contents[place] = piece[: self.random.randrange(len(piece) + 1)]
            case 3:
                contents[place] = piece + self.random.randbytes(self.random.choice([1, 4, 8]))
            case 4:
                contents[place] = self.random.randbytes(len(piece))
            case 5:
                made.inputs[place].contents.fp64_contents.append(1)
        made.raw_input_contents[:] = contents

    def _recast(self, made: Any) -> None:
        """Give some tensors another datatype, with values of it where there are such."""
        for tensor in made.inputs:
            if self.random.random() < 0.4:
                values = _values(tensor)
                tensor.datatype = self.random.choice(_DATATYPES)
                tensor.ClearField("contents")
                self._fill(tensor, values)

    def _extreme(self, made: Any) -> None:
        for tensor in made.inputs:
            if (values := _values(tensor)) and self.random.random() < 0.5:
                values[self.random.randrange(len(values))] = self.random.choice(_EXTREMES[_field(tensor)])

    def _misplaced(self, made: Any) -> None:
        """Put values into a field of another datatype, instead of the own or beside it."""
        for tensor in made.inputs:
            if self.random.random() < 0.4:
                name = self.random.choice([*CONTENTS.values()])
                if self.random.random() < 0.5:
                    tensor.ClearField("contents")
                getattr(tensor.contents, name).append(self.random.choice(_EXTREMES[name]))

    def _many(self, made: Any) -> None:
        """Repeat all rows, up to more than a request may have, in rows or in bytes."""
        times = self.random.choice([2, 100, 100, 3000, 10_001])
        for tensor in made.inputs:
            if tensor.shape and abs(tensor.shape[0]) < 10:
                tensor.shape[0] *= times
            if (values := _values(tensor)) and len(values) < 50:
                values[:] = list(values) * times
        made.raw_input_contents[:] = [each * times if len(each) < 5000 else each for each in made.raw_input_contents]

    def _described(self, made: Any) -> None:
        """Add parameters, which the function passes over, and leave values of them empty."""
        for parameters in [made.parameters, *(each.parameters for each in [*made.inputs, *made.outputs])]:
            parameters["binary_data_output"].bool_param = True
            parameters["binary_data_size"].int64_param = self.random.choice([-1, 0, 8])
            parameters[self.random.choice(_TEXTS)].string_param = self.random.choice(_TEXTS)
            parameters["empty"].SetInParent()

    def _repeated(self, made: Any) -> None:
        times = self.random.choice([2, 500])
        match self.random.randrange(3):
            case 0 if made.inputs:
                made.inputs.extend([made.inputs[0]] * times)
            case 1:
                for _ in range(times):
                    made.outputs.add(name=self.random.choice(["x", "price", "species"]))
            case _:
                made.raw_input_contents.extend([b""] * times)

    def _renamed(self, made: Any) -> None:
        match self.random.randrange(4):
            case 0:
                made.model_name = self.random.choice([*_TEXTS, self.model.upper()])
            case 1:
                made.model_version = self.random.choice([*_TEXTS, "1", "2"])
            case 2:
                made.id = self.random.choice(_TEXTS)
            case 3 if made.inputs:
                self.random.choice(made.inputs).name = self.random.choice(_TEXTS)

    def _damaged(self) -> Call:
        """Return a call with a damaged message, or with bytes that are none."""
        content = bytearray(self._request().SerializeToString()[:100_000] or b"x")
        match self.random.randrange(4):
            case 0:
                del content[self.random.randrange(len(content)) :]
            case 1:
                for _ in range(self.random.choice([1, 3, 20])):
                    content[self.random.randrange(len(content))] = self.random.randrange(256)
            case 2:
                content += self.random.randbytes(self.random.choice([1, 8, 100]))
            case 3:
                content[:] = self.random.randbytes(self.random.choice([1, 100, 12_000_000]))
        return Call(INFER, (bytes(content),))

    def _question(self) -> Call:
        """Return a call about the server or a model."""
        named = {"name": self.random.choice([self.model, self.model, *_TEXTS])}
        named["version"] = self.random.choice(["", "", "1", *_TEXTS])
        service = self.random.choice(["", SERVICE[1:], *_TEXTS])
        path, content = self.random.choice(
            [
                (_HEALTH, message("HealthCheckRequest")(service=service)),
                (f"{SERVICE}/ModelReady", message("ModelReadyRequest")(**named)),
                (f"{SERVICE}/ModelMetadata", message("ModelMetadataRequest")(**named)),
                *((f"{SERVICE}/{each}", message(f"{each}Request")()) for each in ("ServerLive", "ServerReady")),
                (f"{SERVICE}/ServerMetadata", message("ServerMetadataRequest")()),
            ]
        )
        whole = content.SerializeToString()
        return Call(path, (self.random.choice([whole, whole, whole, whole + self.random.randbytes(3)]),))

    def _reflection(self) -> Call:
        asked = [self._reflected() for _ in range(self.random.choice([1, 1, 3, 20]))]
        return Call(self.random.choice(_REFLECTION), tuple(asked))

    def _reflected(self) -> bytes:
        text = self.random.choice([*_TEXTS, SERVICE[1:], f"{SERVICE[1:]}.ModelInfer", "open_inference.proto"])
        kind = self.random.choice(
            ["list_services", "file_by_filename", "file_containing_symbol", "all_extension_numbers_of_type", "", "bad"]
        )
        if kind == "bad":
            return self.random.randbytes(20)
        made = message("ServerReflectionRequest")(host=self.random.choice(_TEXTS), **({kind: text} if kind else {}))
        if self.random.random() < 0.1:
            made.file_containing_extension.containing_type = text
        return bytes(made.SerializeToString())

    def _unknown(self) -> Call:
        content = self._request().SerializeToString()
        return Call(self.random.choice(_UNKNOWN), (content,) * self.random.choice([0, 1, 1, 3]))

    def _counted(self) -> Call:
        """Return a call with another number of messages than one."""
        return self._infer()._replace(contents=(self._request().SerializeToString(),) * self.random.choice([0, 2, 50]))

    def _broken(self) -> Call:
        return Call("", (self.random.choice(_JUNK)(self.random),))


def packed(datatype: str, values: Sequence[Any]) -> bytes:
    """Return values as the bytes of a raw tensor; raise `KeyError` or `struct.error` where they cannot be some."""
    if datatype == "BYTES":
        return b"".join(struct.pack("<I", len(each)) + each for each in values)
    return struct.pack(f"<{len(values)}{FORMATS[datatype]}", *values)


def _field(tensor: Any) -> str:
    return CONTENTS.get(tensor.datatype, "fp64_contents")


def _values(tensor: Any) -> Any:
    return getattr(tensor.contents, _field(tensor))


def _listed(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def _fits(size: Any) -> bool:
    return type(size) is int and -(2**63) <= size < 2**63


def _text(value: Any) -> str:
    """Return a text that a message can have: half surrogates are none."""
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    return text.encode(errors="replace").decode()


def _flat(value: Any) -> list[Any]:
    if not isinstance(value, list):
        return [] if value is None else [value]
    return [inner for each in value for inner in (_flat(each) if isinstance(each, list) else [each])]
