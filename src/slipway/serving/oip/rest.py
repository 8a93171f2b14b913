"""The Open Inference Protocol over HTTP: JSON, and tensors as bytes behind it (its extension binary_tensor_data)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from slipway.names import form
from slipway.serving.answers import Answer, Refusal, of
from slipway.serving.http.application import parts
from slipway.serving.http.requests import MODELS, OPENAPI, V2, V2_LIVE, V2_READY, Request, parse
from slipway.serving.oip import tensors as binary
from slipway.serving.oip.inference import Inference
from slipway.serving.oip.tensors import Tensor, refused, row_count

HEADER = "inference-header-content-length"
"""The header with the number of bytes of a body that are JSON; tensors follow as bytes."""

Parameters = dict[str, Any]
_Number = int | float | bool | None


def answer(inference: Inference, request: Request) -> Answer:
    """Answer a request for one of the protocol's paths; raise `Refusal`, and whatever the model raises."""
    named = parts(request)
    if named:
        inference.check(**named)
    return _ANSWERS[request.route](inference, request)


def _infer(inference: Inference, request: Request) -> Answer:
    given, tensors = read(request)
    outputs = inference.infer(tensors, given.wanted)
    content = {"model_name": inference.model, "model_version": inference.version}
    content |= {"id": given.id} if given.id is not None else {}
    parameters = {**(inference.tags() if row_count(outputs) else {}), **inference.identity.named()}
    return _encoded({**content, "parameters": parameters}, outputs, given)


_OF_MODELS: Mapping[str, Callable[[Inference, Request], Answer]] = {
    "": lambda inference, _: of(200, inference.metadata),
    "/ready": lambda inference, _: of(200, {"name": inference.model, "ready": True}),
    "/infer": _infer,
}
_ANSWERS: Mapping[str, Callable[[Inference, Request], Answer]] = {
    V2: lambda inference, _: of(200, inference.server_metadata),
    V2_LIVE: lambda *_: of(200, {"live": True}),
    V2_READY: lambda *_: of(200, {"ready": True}),
    **{f"{each}{end}": answer for each in MODELS for end, answer in _OF_MODELS.items()},
}


class _Input(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    data: list[Any] | None = None
    parameters: Parameters | None = None


class _Output(msgspec.Struct):
    name: str
    parameters: Parameters | None = None


class InferenceRequest(msgspec.Struct):
    """A request for predictions; some clients send null for what they leave out."""

    inputs: list[_Input]
    id: str | None = None
    parameters: Parameters | None = None
    outputs: list[_Output] | None = None

    @property
    def wanted(self) -> list[str]:
        """The names of the requested outputs; none for all."""
        return [output.name for output in self.outputs or ()]

    def wants_bytes(self, output: str) -> bool:
        """Return whether this output is requested as bytes."""
        own = next((each.parameters for each in self.outputs or () if form(each.name) == form(output)), None) or {}
        return own.get("binary_data", (self.parameters or {}).get("binary_data_output")) is True


def read(request: Request) -> tuple[InferenceRequest, list[Tensor]]:
    """Return the request in a body, and its tensors; raise `Refusal` (400) that says what is wrong."""
    text, rest = _parts(request)
    given = _quickly(text) or _parsed(text)
    tensors = []
    for each in given.inputs:
        values, rest = _values(each, rest)
        tensors.append(Tensor(each.name, each.datatype, tuple(each.shape), values))
    if rest:
        raise _malformed(f"{len(rest)} bytes are left over, which no input's binary_data_size has")
    return given, tensors


class _NumbersOf(_Input, forbid_unknown_fields=True):
    data: list[_Number | list[_Number]]


class _NumbersRequest(InferenceRequest, forbid_unknown_fields=True):
    inputs: list[_NumbersOf]  # type: ignore[assignment]


_NUMBERS = msgspec.json.Decoder(_NumbersRequest)


def _quickly(text: bytes) -> InferenceRequest | None:
    """Return the request in a body of numbers and little else; None for any other, which `_parsed` reads alike."""
    try:
        found = _NUMBERS.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    # A key that stands twice passes here, but has quotation marks too many; as have texts and parameters, which may be
    # wrong within.
    strings = 1 + 6 * len(found.inputs)
    strings += 0 if found.id is None else 2
    strings += 0 if found.outputs is None else 1 + 2 * len(found.outputs)
    return found if text.count(b'"') == 2 * strings else None


def _parsed(text: bytes) -> InferenceRequest:
    try:
        return msgspec.convert(parse(text), InferenceRequest)
    except msgspec.ValidationError as error:
        raise _malformed(f"the body is no inference request: {error}; GET {OPENAPI} has what one is") from None


def _encoded(content: dict[str, Any], outputs: Sequence[Tensor], given: InferenceRequest) -> Answer:
    """Return the answer that has `outputs` beside `content`, as JSON or as bytes behind it."""
    described, chunks = [], []
    for output in outputs:
        if given.wants_bytes(output.name):
            chunks.append(binary.encode(output.datatype, output.values))
            described.append({**output.metadata(), "parameters": {"binary_data_size": len(chunks[-1])}})
        else:
            described.append({**output.metadata(), "data": output.values})
    text = msgspec.json.encode({**content, "outputs": described})
    headers = {"content-type": "application/json"}
    if chunks:
        headers = {"content-type": "application/octet-stream", HEADER: str(len(text))}
    return Answer(200, headers, b"".join([text, *chunks]), rows=row_count(outputs))


def _malformed(problem: str) -> Refusal:
    return Refusal(400, "invalid_request", problem)


def _parts(request: Request) -> tuple[bytes, memoryview]:
    """Return the JSON of a body, and the bytes behind it."""
    length = request.headers.get(HEADER)
    if length is None:
        return request.body, memoryview(b"")
    if not (length.isascii() and length.isdecimal() and len(length) < 16 and int(length) <= len(request.body)):
        raise _malformed(f"{HEADER} is {length[:40]!r}, and the body has {len(request.body)} bytes")
    # A view: each of thousands of inputs may take its bytes off it, without a copy of the rest.
    return request.body[: int(length)], memoryview(request.body)[int(length) :]


def _values(given: _Input, rest: memoryview) -> tuple[list[Any], memoryview]:
    """Return the values of an input, and the bytes that are left for the other inputs."""
    size = (given.parameters or {}).get("binary_data_size")
    if size is None and given.data is not None:
        return _flat(given.name, given.shape, given.data), rest
    where = f"input {given.name[:60]!r}"
    if size is None or given.data is not None:
        raise _malformed(f"{where} needs either data or the parameter binary_data_size")
    if type(size) is not int or not 0 <= size <= len(rest):
        problem = f"{len(rest)} bytes are there behind the JSON ({HEADER})"
        raise _malformed(f"{where}: binary_data_size is {str(size)[:40]}, and {problem}")
    return binary.decode(given.name, given.datatype, bytes(rest[:size])), rest[size:]


def _flat(name: str, shape: list[int], values: list[Any]) -> list[Any]:
    """Return the values of nested lists in one list; the nesting must agree with the shape."""
    found = [len(values)]
    while values and type(values[0]) is list:
        found.append(len(values[0]))
        if any(type(each) is not list or len(each) != found[-1] for each in values):
            raise refused(name, "its lists are not of equal length")
        values = [value for each in values for value in each]
    if len(found) > 1 and found != shape:
        raise refused(name, f"its shape is {str(shape[:8])[:60]}, and its lists are {found[:8]}")
    return values
