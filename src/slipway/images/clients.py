"""Calls of a function: over HTTP, and of `grpc://…` over gRPC."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from slipway.artifacts import Golden
from slipway.errors import OutOfReach, SlipwayError
from slipway.images import addresses
from slipway.images.addresses import LOCAL, PATIENCE, Called, address
from slipway.names import ModelId
from slipway.network import Client, NoAnswer
from slipway.serving.oip.tensors import Tensor

_LONGEST = 16 << 20
_PORTS = {"grpc": 80, "grpcs": 443}
_PATHS = {"HealthCheck": "/grpc.health.v1.Health/Check"}
_MISSING = object()
_TYPES: Mapping[str, type] = {"FP64": float, "INT64": int}

_direct = Client(direct=True)

# A proxy answers so while no function is ready behind it; it may get better by itself.
NOT_READY = (404, 429, 502, 503, 504)
_NOT_READY = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "CANCELLED"})


def describe(url: str) -> Called:
    """Ask the function at `url` who it is.

    Raise `SlipwayError` when it is no function of slipway, and `OutOfReach` when nobody answers yet.
    """
    if _is_grpc(url):
        return _describe_by_grpc(url)
    url = url.rstrip("/")
    status, told = ask(f"{url}/")
    if status == 401 or status in NOT_READY:
        raise problem(url, status, _message(told), "see that the function runs and gets ready")
    names = Called._fields[1:]
    if status != 200 or not isinstance(told, dict) or not all(isinstance(told.get(name), str) for name in names):
        wrong = f"{url} answers, with status {status}, but not as a function of slipway"
        raise SlipwayError(wrong, fix="give the address that stands before /predict")
    return Called(url, *(told[name] for name in names))


def predict(url: str, rows: list[dict[str, Any]]) -> list[Any]:
    """Return the predictions for `rows` over HTTP; raise the function's `problem` when it gives none."""
    status, told = ask(f"{url}/predict", json.dumps(rows).encode())
    found = told.get("prediction") if isinstance(told, dict) else None
    if status == 200 and isinstance(found, list):
        return found
    raise problem(url if status == 401 else f"{url}/predict", status, _message(told), "look at the function's log")


def reproduce(url: str, golden: Golden) -> list[Any]:
    """Return the predictions for the golden rows, in the form of the golden ones; see `predict`."""
    return _reproduce_by_grpc(url, golden) if _is_grpc(url) else predict(url, golden.rows)


def is_ready(url: str) -> bool:
    """Tell whether a function on this machine answers at the address of its probe, and is ready."""
    try:
        if not _is_grpc(url):
            return _direct.call(url, timeout=5, limit=0).status == 200
        with _calls(url) as call:
            answer, _ = call("HealthCheck", patience=5)
            return bool(answer.status == 1)
    except (NoAnswer, SlipwayError):  # nothing is there yet, or something speaks another protocol
        return False


def problem(url: str, status: int, said: str, fix: str) -> SlipwayError:
    """Return the error for an answer with this status; it is `OutOfReach` where it may get better by itself."""
    if status == 401:
        return addresses.refused(url, said or "status 401")
    kind = OutOfReach if status in NOT_READY else SlipwayError
    return kind(f"{url} answers with status {status} {said}".rstrip(), fix=fix)


def ask(url: str, body: bytes | None = None) -> tuple[int, Any]:
    """Return status and JSON of an answer, None for other content; raise `OutOfReach` when there is no answer."""
    parts = address(url, ("https", "http"))
    headers = {"Content-Type": "application/json"}
    if header := addresses.given().header:
        headers["Authorization"] = header
    try:
        client = Client(direct=parts.hostname in LOCAL)
        answer = client.call(url, body, headers, timeout=PATIENCE, limit=_LONGEST)
    except NoAnswer as error:
        fix = "see that it runs, and that this machine can reach it"
        raise OutOfReach(f"{parts.scheme}://{parts.netloc} cannot be reached: {error}", fix=fix) from error
    except ValueError as error:
        raise SlipwayError(f"{url!r} cannot be asked: {error}", fix="write https://iris.example.org") from error
    try:
        return answer.status, json.loads(answer.content)
    except ValueError:
        return answer.status, None


def _message(told: Any) -> str:
    error = told.get("error") if isinstance(told, dict) else None
    return str(error.get("message", "")) if isinstance(error, dict) else ""


def _is_grpc(url: str) -> bool:
    return url.partition("://")[0].lower() in _PORTS


def _describe_by_grpc(url: str) -> Called:
    with _calls(url) as call:
        _, told = call("ServerMetadata")
    found = {name: told.get(f"x-{name.replace('_', '-')}") for name in Called._fields[1:]}
    if not all(found.values()):
        raise SlipwayError(f"{url} answers, but not as a function of slipway", fix="give the address of the function")
    return Called(url.rstrip("/"), **{name: str(value) for name, value in found.items()})


def _reproduce_by_grpc(url: str, golden: Golden) -> list[Any]:
    model = ModelId.parse(describe(url).model_id).model
    found: list[Any] = [None] * len(golden.rows)
    with _calls(url) as call:
        metadata, _ = call("ModelMetadata", name=model)
        types = {each.name: each.datatype for each in metadata.inputs}
        widths = {each.name: each.shape[1] for each in metadata.inputs if len(each.shape) > 1}
        for names, places in _alike(golden.rows, types).items():
            columns = {name: [golden.rows[at][name] for at in places] for name in names}
            inputs = [_tensor(name, types[name], values, widths.get(name, 0)) for name, values in columns.items()]
            outputs = _infer(call, model, inputs)
            for place, at in enumerate(places):
                values = {each.name: _value(each, place) for each in outputs}
                found[at] = _as(golden.predictions[at], values)
    return found


def _alike(rows: Sequence[Mapping[str, Any]], types: Mapping[str, str]) -> dict[tuple[str, ...], list[int]]:
    """Return the places of rows by the fields that they have: within a tensor only numbers can be missing."""
    found: dict[tuple[str, ...], list[int]] = {}
    for at, row in enumerate(rows):
        there = tuple(name for name in types if name in row and (row[name] is not None or types[name] == "FP64"))
        found.setdefault(there, []).append(at)
    return found


def _tensor(name: str, datatype: str, values: list[Any], width: int = 0) -> Tensor:
    if width:
        flat = [number for value in values for number in ([None] * width if value is None else value)]
        return Tensor(name, datatype, (len(values), width), list(map(_float, flat)))
    type_ = _TYPES.get(datatype)
    typed = [value if value is None or type_ is None else type_(value) for value in values]
    return Tensor(name, datatype, (len(values),), typed)


def _float(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _infer(call: Callable[..., Any], model: str, inputs: Sequence[Tensor]) -> list[Tensor]:
    from slipway.serving.grpc.messages import fill, message, read

    request = message("ModelInferRequest")(model_name=model)
    fill(request.inputs, inputs)
    answer, _ = call("ModelInfer", request)
    return read(answer.outputs, answer.raw_output_contents)


def _value(tensor: Tensor, row: int) -> Any:
    """Return the value of a tensor for a row: a list where it has a second dimension, None for not a number."""
    if len(tensor.shape) > 1:
        width = tensor.shape[1]
        return list(tensor.values[row * width : (row + 1) * width])
    value = tensor.values[row]
    return None if isinstance(value, float) and math.isnan(value) else value


def _as(expected: Any, values: Mapping[str, Any], prefix: str = "") -> Any:
    """Return the outputs of a row in the form of the golden one; they are flat, or JSON that no tensor holds."""
    if isinstance(expected, dict):
        known = {key: _as(value, values, f"{prefix}{key}.") for key, value in expected.items()}
        return {key: value for key, value in known.items() if value is not _MISSING}
    value = values.get(prefix.removesuffix("."), _MISSING) if prefix else next(iter(values.values()), _MISSING)
    if expected is None and value is _MISSING:  # for other rows it is a dict, and they have the outputs
        return None
    return json.loads(value) if isinstance(value, str) and not isinstance(expected, str) else value


@contextmanager
def _calls(url: str) -> Iterator[Callable[..., tuple[Any, dict[str, Any]]]]:
    """Connect to the function at `url`; yield `_call` for it."""
    import grpc

    parts = address(url, list(_PORTS))
    name = parts.hostname or ""
    host = f"[{name}]" if ":" in name else name
    target = f"{host}:{parts.port or _PORTS[parts.scheme]}"
    options = [("grpc.enable_http_proxy", 0)] if parts.hostname in LOCAL else []
    if parts.scheme == "grpc":
        channel = grpc.insecure_channel(target, options)
    else:
        channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(), options)
    with channel:
        yield partial(_call, channel, url)


def _call(
    channel: Any, url: str, kind: str, request: Any = None, /, *, patience: float = PATIENCE, **fields: str
) -> tuple[Any, dict[str, Any]]:
    """Return the answer to a request of this kind, made of `fields` unless given, and its trailing metadata."""
    import grpc

    from slipway.serving.grpc.messages import message

    path = _PATHS.get(kind, f"/inference.GRPCInferenceService/{kind}")
    sent = message(f"{kind}Request")(**fields) if request is None else request
    read = message(f"{kind}Response").FromString
    call = channel.unary_unary(path, lambda message: message.SerializeToString(), read)
    header = addresses.given().header
    metadata = [("authorization", header)] if header else []
    try:
        answer, done = call.with_call(sent, timeout=patience, metadata=metadata)
    except grpc.RpcError as error:
        raise _problem(f"{url}{path}", url, error) from error
    return answer, dict(done.trailing_metadata() or ())


def _problem(at: str, url: str, error: Any) -> SlipwayError:
    code, said = error.code().name, error.details()
    if code == "UNAUTHENTICATED":
        return addresses.refused(url, said)
    if code in _NOT_READY:
        return OutOfReach(f"{url} cannot be asked: {code}: {said}", fix="see that it runs, and that it speaks gRPC")
    return SlipwayError(f"{at} answered with {code}: {said}", fix="look at the function's log")
