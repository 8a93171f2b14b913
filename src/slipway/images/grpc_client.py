"""Calls of a function over gRPC: who it is, whether it is ready, and what it predicts."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from slipway.artifacts import Golden
from slipway.errors import OutOfReach, SlipwayError
from slipway.images import addresses
from slipway.images.addresses import LOCAL, PATIENCE, Called, address
from slipway.names import ModelId
from slipway.serving.oip.tensors import Tensor

if TYPE_CHECKING:
    import grpc

__all__ = ["describe", "is_meant", "is_ready", "predict"]

_PORTS = {"grpc": 80, "grpcs": 443}
_SERVICE = "/inference.GRPCInferenceService"
_MISSING = object()
_TYPES: Mapping[str, type] = {"FP64": float, "INT64": int}

# A proxy answers so while no function is ready behind it; it may get better by itself.
_NOT_READY = frozenset({"UNAVAILABLE", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "CANCELLED"})


def is_meant(url: str) -> bool:
    """Tell whether an address is for gRPC: `grpc://iris.example.org`, `grpcs://…`."""
    return url.partition("://")[0].lower() in _PORTS


def is_ready(url: str) -> bool:
    """Tell whether a function answers there, and is ready."""
    try:
        with _channel(url) as channel:
            answer, _ = _ask(channel, url, "/grpc.health.v1.Health/Check", "HealthCheck", patience=5)
    except SlipwayError:
        return False
    return bool(answer.status == 1)


def describe(url: str) -> Called:
    """Ask the function at `url` who it is; raise as `slipway.images.clients.describe` does."""
    with _channel(url) as channel:
        _, told = _ask(channel, url, f"{_SERVICE}/ServerMetadata", "ServerMetadata")
    found = {name: told.get(f"x-{name.replace('_', '-')}") for name in Called._fields[1:]}
    if not all(found.values()):
        raise SlipwayError(f"{url} answers, but not as a function of slipway", fix="give the address of the function")
    return Called(url.rstrip("/"), **{name: str(value) for name, value in found.items()})


def predict(url: str, golden: Golden) -> list[Any]:
    """Return predictions for the golden rows, in the form of the golden ones; raise as `describe` does."""
    model = ModelId.parse(describe(url).model_id).model
    found: list[Any] = [None] * len(golden.rows)
    with _channel(url) as channel:
        metadata, _ = _ask(channel, url, f"{_SERVICE}/ModelMetadata", "ModelMetadata", name=model)
        types = {each.name: each.datatype for each in metadata.inputs}
        for names, places in _alike(golden.rows, types).items():
            inputs = [_tensor(name, types[name], [golden.rows[at][name] for at in places]) for name in names]
            outputs = _infer(channel, url, model, inputs)
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


def _tensor(name: str, datatype: str, values: list[Any]) -> Tensor:
    type_ = _TYPES.get(datatype)
    typed = [value if value is None or type_ is None else type_(value) for value in values]
    return Tensor(name, datatype, (len(values),), typed)


def _infer(channel: Any, url: str, model: str, inputs: Sequence[Tensor]) -> list[Tensor]:
    from slipway.serving.grpc.messages import fill, message, read

    request = message("ModelInferRequest")(model_name=model)
    fill(request.inputs, inputs)
    answer, _ = _send(channel, url, f"{_SERVICE}/ModelInfer", request, message("ModelInferResponse"))
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
def _channel(url: str) -> Iterator[grpc.Channel]:
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
        yield channel


def _ask(
    channel: Any, url: str, path: str, kind: str, /, *, patience: float = PATIENCE, **fields: str
) -> tuple[Any, dict[str, Any]]:
    """Return the answer to a request of this kind, and its trailing metadata."""
    from slipway.serving.grpc.messages import message

    return _send(channel, url, path, message(f"{kind}Request")(**fields), message(f"{kind}Response"), patience)


def _send(
    channel: Any, url: str, path: str, request: Any, expected: Any, patience: float = PATIENCE
) -> tuple[Any, dict[str, Any]]:
    import grpc

    call = channel.unary_unary(
        path, request_serializer=lambda message: message.SerializeToString(), response_deserializer=expected.FromString
    )
    header = addresses.given().header
    metadata = [("authorization", header)] if header else []
    try:
        answer, done = call.with_call(request, timeout=patience, metadata=metadata)
    except grpc.RpcError as error:
        raise _problem(url, path, error) from error
    return answer, dict(done.trailing_metadata() or ())


def _problem(url: str, path: str, error: Any) -> SlipwayError:
    code, said = error.code().name, error.details()
    if code == "UNAUTHENTICATED":
        return addresses.refused(url, said)
    if code in _NOT_READY:
        return OutOfReach(f"{url} cannot be asked: {code}: {said}", fix="see that it runs, and that it speaks gRPC")
    return SlipwayError(f"{url}{path} answered with {code}: {said}", fix="look at the function's log")
