"""Bodies of the Open Inference Protocol over HTTP: JSON, and behind it tensors as bytes where the caller wants that.

https://github.com/kserve/kserve/blob/master/docs/predict-api/v2/binary_tensor_data.md
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from slipway.serving import binary, payload
from slipway.serving.answers import Answer, Refusal
from slipway.serving.routing import Asked
from slipway.serving.tensors import Tensor, refused

__all__ = ["HEADER", "Request", "answer", "read"]

HEADER = "inference-header-content-length"
"""How many bytes of a body are JSON; tensors follow as bytes."""

Parameters = dict[str, Any]


class _Input(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    data: list[Any] | None = None
    parameters: Parameters | None = None


class _Output(msgspec.Struct):
    name: str
    parameters: Parameters | None = None


class Request(msgspec.Struct):
    """A request for predictions, as the protocol has it; null stands for what is not there, as some clients send it."""

    inputs: list[_Input]
    id: str | None = None
    parameters: Parameters | None = None
    outputs: list[_Output] | None = None

    @property
    def wanted(self) -> list[str]:
        """The names of the outputs that are asked for; none for all."""
        return [output.name for output in self.outputs or ()]

    def wants_bytes(self, output: str) -> bool:
        """Whether this output shall come as bytes."""
        own = next((each.parameters for each in self.outputs or () if each.name == output), None) or {}
        return own.get("binary_data", (self.parameters or {}).get("binary_data_output")) is True


def read(asked: Asked) -> tuple[Request, list[Tensor]]:
    """The request in a body, and the tensors that it brings; raises `Refusal` (400) that says what is wrong with it."""
    text, rest = _parts(asked)
    try:
        request = msgspec.convert(payload.parse(text), Request)
    except msgspec.ValidationError as error:
        message = f"the body is no inference request: {error}; GET /openapi.json has what one is"
        raise Refusal(400, "invalid_request", message) from None
    tensors = []
    for each in request.inputs:
        values, rest = _values(each, rest)
        tensors.append(Tensor(each.name, each.datatype, tuple(each.shape), values))
    if rest:
        raise Refusal(400, "invalid_request", f"{len(rest)} bytes are left over, which no input's binary_data_size has")
    return request, tensors


def answer(told: dict[str, Any], outputs: Sequence[Tensor], request: Request) -> Answer:
    """The answer that has `outputs` beside what is `told`."""
    described, chunks = [], []
    for output in outputs:
        about: dict[str, Any] = {"name": output.name, "datatype": output.datatype, "shape": output.shape}
        if request.wants_bytes(output.name):
            chunks.append(binary.encode(output.datatype, output.values))
            described.append({**about, "parameters": {"binary_data_size": len(chunks[-1])}})
        else:
            described.append({**about, "data": output.values})
    text = msgspec.json.encode({**told, "outputs": described})
    if not chunks:
        return Answer(200, {"content-type": "application/json"}, text)
    headers = {"content-type": "application/octet-stream", HEADER: str(len(text))}
    return Answer(200, headers, b"".join([text, *chunks]))


def _parts(asked: Asked) -> tuple[bytes, memoryview]:
    """The JSON of a body, and what lies behind it."""
    given = asked.headers.get(HEADER)
    if given is None:
        return asked.body, memoryview(b"")
    if not (given.isascii() and given.isdecimal() and len(given) < 16 and int(given) <= len(asked.body)):
        message = f"{HEADER} is {given[:40]!r}, and the body has {len(asked.body)} bytes"
        raise Refusal(400, "invalid_request", message)
    # A view, for every input takes its bytes off it, and there may be thousands.
    return asked.body[: int(given)], memoryview(asked.body)[int(given) :]


def _values(given: _Input, rest: memoryview) -> tuple[list[Any], memoryview]:
    """The values of an input, and the bytes that are left for the others."""
    size = (given.parameters or {}).get("binary_data_size")
    if size is None and given.data is not None:
        return _flat(given.name, given.shape, given.data), rest
    where = f"input {given.name[:60]!r}"
    if size is None or given.data is not None:
        raise Refusal(400, "invalid_request", f"{where} needs either data or the parameter binary_data_size")
    if type(size) is not int or not 0 <= size <= len(rest):
        said = f"binary_data_size is {str(size)[:40]}, and {len(rest)} bytes are there behind the JSON ({HEADER})"
        raise Refusal(400, "invalid_request", f"{where}: {said}")
    return binary.decode(given.name, given.datatype, bytes(rest[:size])), rest[size:]


def _flat(name: str, shape: list[int], values: list[Any]) -> list[Any]:
    """The values of nested lists, which have to be as the shape says, in one list."""
    found = [len(values)]
    while values and type(values[0]) is list:
        found.append(len(values[0]))
        if any(type(each) is not list or len(each) != found[-1] for each in values):
            raise refused(name, "its lists are not of equal length")
        values = [value for each in values for value in each]
    if len(found) > 1 and found != shape:
        raise refused(name, f"its shape is {str(shape[:8])[:60]}, and its lists are {found[:8]}")
    return values
