"""The same function over HTTP: it answers each message of gRPC alike."""

import json
import math
import re
from collections.abc import Sequence
from http.client import HTTPConnection
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError

from slipway.serving.grpc.messages import message
from slipway.serving.oip.rest import HEADER
from tests.fuzz.calls import CONTENTS, INFER, SERVICE, Call, packed
from tests.fuzz.channel import Ended
from tests.fuzz.wire import Wrong

__all__ = ["Twin"]

_STATUSES = {200: "OK", 400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 413: "RESOURCE_EXHAUSTED"}
_TOO_LARGE = "body_too_large"
_PATH = re.compile(r"[A-Za-z0-9_-]{1,60}")
_MORE = re.compile(r" \(and (?:at least )?[0-9]+ more\)$")


class _Reply(NamedTuple):
    status: int
    json: Any
    rest: bytes


class Twin:
    """A caller over HTTP, who asks what was asked over gRPC."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._connection = HTTPConnection(*address, timeout=60)

    def compare(self, call: Call, ended: Ended) -> None:
        """Raise `Wrong` where HTTP answers a call otherwise than gRPC did."""
        kind = call.path.removeprefix(f"{SERVICE}/")
        if kind not in _COMPARED or not call.contents or (ended.status not in _STATUSES.values()):
            return
        if ended.status == "RESOURCE_EXHAUSTED" and ended.error != "too_many_rows":
            return
        try:
            asked = message(f"{kind}Request").FromString(call.contents[0])
        except DecodeError:
            _expect(ended, "INVALID_ARGUMENT", "invalid_request")
            return
        if call.path == INFER:
            self._compare_inference(asked, ended)
        else:
            self._compare_question(kind, asked, ended)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _compare_inference(self, asked: Any, ended: Ended) -> None:
        path = _path(asked.model_name, asked.model_version)
        if path is None:
            return _expect(ended, "NOT_FOUND")
        contents = _contents(asked)
        if contents is None:
            return _expect(ended, "NOT_FOUND" if ended.error in ("no_model", "no_version") else "INVALID_ARGUMENT")
        reply = self._ask("POST", f"{path}/infer", *_body(asked, contents))
        if reply.status == 413 and reply.json["code"] == _TOO_LARGE:
            return None  # in JSON the same is longer
        if reply.status != 200 or ended.status != "OK":
            return _compare_refusal(reply, ended)
        return _same(_told(message("ModelInferResponse").FromString(ended.answers[0])), _said(reply))

    def _compare_question(self, kind: str, asked: Any, ended: Ended) -> None:
        path, keys = _COMPARED[kind]
        if kind.startswith("Model"):
            own = _path(asked.name, asked.version)
            if own is None:
                return _expect(ended, "NOT_FOUND")
            path = f"{own}{path}"
        reply = self._ask("GET", path)
        if reply.status != 200 or ended.status != "OK":
            return _compare_refusal(reply, ended)
        answer = message(f"{kind}Response").FromString(ended.answers[0])
        return _same({key: _plain(getattr(answer, key)) for key in keys}, {key: reply.json[key] for key in keys})

    def _ask(self, method: str, path: str, body: bytes = b"", length: int = 0) -> _Reply:
        headers = {"content-type": "application/json", **({HEADER: str(length)} if length else {})}
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        content = answer.read()
        own = int(answer.headers.get(HEADER, len(content)))
        return _Reply(answer.status, json.loads(content[:own]), content[own:])


_COMPARED: dict[str, tuple[str, Sequence[str]]] = {
    "ModelInfer": ("/infer", ()),
    "ModelReady": ("/ready", ("ready",)),
    "ModelMetadata": ("", ("name", "versions", "platform", "inputs", "outputs")),
    "ServerMetadata": ("/v2", ("name", "version", "extensions")),
    "ServerLive": ("/v2/health/live", ("live",)),
    "ServerReady": ("/v2/health/ready", ("ready",)),
}


def _path(name: str, version: str) -> str | None:
    """Return the path of a model over HTTP; None for names that are no part of a path, and no model's."""
    if not _PATH.fullmatch(name) or (version and not _PATH.fullmatch(version)):
        return None
    return f"/v2/models/{name}" + (f"/versions/{version}" if version else "")


def _contents(asked: Any) -> list[bytes | list[Any]] | None:
    """Return the values of each tensor, in bytes or for JSON; None where HTTP has no such message."""
    if not asked.raw_input_contents:
        found = [_typed(each) for each in asked.inputs]
        return None if None in found else found  # type: ignore[return-value]
    beside = any(each.contents.ListFields() for each in asked.inputs)
    return None if beside or len(asked.raw_input_contents) != len(asked.inputs) else list(asked.raw_input_contents)


def _typed(tensor: Any) -> bytes | list[Any] | None:
    name = CONTENTS.get(tensor.datatype)
    if name is None or any(field.name != name for field, _ in tensor.contents.ListFields()):
        return None
    values = list(getattr(tensor.contents, name))
    try:
        found = [value.decode() for value in values] if tensor.datatype == "BYTES" else values
    except UnicodeDecodeError:
        return packed(tensor.datatype, values)
    # JSON has no such numbers.
    is_odd = any(type(value) is float and not math.isfinite(value) for value in values)
    return packed(tensor.datatype, values) if is_odd else found


def _body(asked: Any, contents: Sequence[bytes | list[Any]]) -> tuple[bytes, int]:
    """Return the body of the same request over HTTP, and the length of its JSON."""
    inputs = []
    for tensor, values in zip(asked.inputs, contents, strict=True):
        own = {"parameters": {"binary_data_size": len(values)}} if isinstance(values, bytes) else {"data": values}
        inputs.append({"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape), **own})
    content: dict[str, Any] = {"inputs": inputs, "outputs": [{"name": each.name} for each in asked.outputs]}
    content |= {"id": asked.id} if asked.id else {}
    content |= {"parameters": {"binary_data_output": True}} if asked.raw_input_contents else {}
    text = json.dumps(content).encode()
    return text + b"".join(each for each in contents if isinstance(each, bytes)), len(text)


def _told(answer: Any) -> dict[str, Any]:
    """Return what an answer over gRPC tells."""
    raw, named = answer.raw_output_contents, [_plain(each) for each in answer.outputs]
    values = [repr(list(getattr(each.contents, CONTENTS[each.datatype]))) for each in answer.outputs]
    parameters = {name: each.string_param for name, each in answer.parameters.items()}
    own = {"model": answer.model_name, "version": answer.model_version, "id": answer.id, "parameters": parameters}
    return {**own, "outputs": named, "values": b"".join(raw) if raw else values}


def _said(reply: _Reply) -> dict[str, Any]:
    """Return what the answer over HTTP tells, in the same words."""
    found = reply.json
    own = {"model": found["model_name"], "version": found["model_version"], "id": found.get("id", "")}
    outputs = [{key: each[key] for key in ("name", "datatype", "shape")} for each in found["outputs"]]
    parameters = {name: each if isinstance(each, str) else _compact(each) for name, each in found["parameters"].items()}
    binary = any("parameters" in each for each in found["outputs"])
    values = [repr([_content(value, each["datatype"]) for value in each.get("data", ())]) for each in found["outputs"]]
    return {**own, "parameters": parameters, "outputs": outputs, "values": reply.rest if binary else values}


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _content(value: Any, datatype: str) -> Any:
    if datatype == "BYTES":
        return b"null" if value is None else value.encode()
    return math.nan if value is None else value


def _plain(value: Any) -> Any:
    """Return a field of a message as JSON has it."""
    if isinstance(value, bool | str):
        return value
    if hasattr(value, "datatype"):
        return {"name": value.name, "datatype": value.datatype, "shape": list(value.shape)}
    return [_plain(each) for each in value]


def _compare_refusal(reply: _Reply, ended: Ended) -> None:
    if reply.status == 200 or ended.status == "OK":
        raise Wrong(f"gRPC: {ended.status} {ended.details[:300]!r}; HTTP: {reply.status} {str(reply.json)[:300]}")
    _expect(ended, _STATUSES.get(reply.status, str(reply.status)), reply.json["code"])
    said = _MORE.sub("", reply.json["error"])
    if ended.details[: len(said)] != said:
        raise Wrong(f"gRPC says {ended.details[:300]!r}, and HTTP {said[:300]!r}")


def _expect(ended: Ended, status: str, error: str = "") -> None:
    if ended.status != status or (error and ended.error != error):
        raise Wrong(f"gRPC: {ended.status} {ended.error}: {ended.details[:300]!r}; {status} {error} is right")


def _same(told: Any, said: Any) -> None:
    if told != said:
        raise Wrong(f"gRPC answers {str(told)[:600]}, and HTTP {str(said)[:600]}")
