"""The paths of the Open Inference Protocol, as OpenAPI writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway.serving.http.openapi_parts import NAMED, Part, answer, operation, ref, refusals
from slipway.serving.http.routing import MODELS

if TYPE_CHECKING:
    from slipway.artifacts import Loaded
    from slipway.serving.oip.inference import Inference

__all__ = ["paths", "schemas"]

_UNKNOWN = "There is no such model or version here."
_FORM = "InferenceError"


def paths(inference: Inference, loaded: Loaded) -> Part:
    """The paths of the protocol, each with and without the version."""
    server = operation("v2", "The server", {"200": answer("What it is.", "Server")})
    health = {"200": answer("It answers.", "ServerHealth")}
    made: Part = {
        "/v2": {"get": server},
        "/v2/health/live": {"get": operation("v2", "200 while it answers", health, open_=True)},
        "/v2/health/ready": {"get": operation("v2", "200 while it answers", health, open_=True)},
    }
    model = _named("model", inference.model)
    for prefix, named in zip(MODELS, ([model], [model, _named("version", inference.version)]), strict=True):
        unknown = {"404": answer(_UNKNOWN, _FORM)}
        told = {"200": answer("Its inputs and outputs.", "Model"), **unknown}
        ready = {"200": answer("It is ready.", "Ready"), **unknown}
        made[prefix] = {"get": operation("v2", "The model", told, *named)}
        made[f"{prefix}/ready"] = {"get": operation("v2", "Whether it is ready", ready, *named)}
        made[f"{prefix}/infer"] = {"post": _infer(loaded, unknown, named)}
    return made


def schemas(inference: Inference) -> Part:
    """The schemas that those paths name."""
    text = {"type": "string"}
    parameters = {"type": "object", "additionalProperties": True}
    maybe = {**parameters, "type": ["object", "null"]}
    size = {"type": "integer", "minimum": 0, "maximum": 2**31 - 1}
    shape = {"type": "array", "items": size, "minItems": 1, "maxItems": 2}
    names = [tensor.name for tensor in inference.outputs]
    tensor = {"name": text, "datatype": text, "shape": {"type": "array", "items": {"type": "integer"}}}
    about = {"type": "array", "items": _object(tensor)}
    values = {"type": "array"}
    found = {"name": {"type": "string", "examples": names}, "shape": shape, "datatype": text, "data": values}
    given = {**found, "name": text, "data": {"type": ["array", "null"]}, "parameters": maybe}
    wanted = {"name": {"enum": names}, "parameters": maybe}
    ready = {"name": text, "ready": {"type": "boolean"}}
    request = {
        "id": {"type": ["string", "null"]},
        "parameters": maybe,
        "inputs": {"type": "array", "minItems": 1, "items": _object(given, "name", "shape", "datatype")},
        "outputs": {"type": ["array", "null"], "items": _object(wanted, "name")},
    }
    response = {
        "model_name": text,
        "model_version": text,
        "id": text,
        "parameters": parameters,
        "outputs": {
            "type": "array",
            "items": _object({**found, "parameters": parameters}, "name", "shape", "datatype"),
        },
    }
    model = {"name": text, "versions": {"type": "array", "items": text}, "platform": text}
    health = {"live": {"const": True}, "ready": {"const": True}}
    return {
        "Server": _object({"name": text, "version": text, "extensions": {"type": "array", "items": text}}),
        "ServerHealth": {"type": "object", "properties": health},
        "Model": _object({**model, "inputs": about, "outputs": about}),
        "Ready": _object(ready),
        "InferenceRequest": _object(request, "inputs"),
        "InferenceResponse": _object(response, "model_name", "outputs"),
        _FORM: _object({"error": text, **NAMED, "request_id": text}),
    }


def _infer(loaded: Loaded, unknown: Part, named: list[Part]) -> Part:
    asked: Part = {"schema": ref("InferenceRequest")}
    if loaded.golden.rows:
        asked["examples"] = {"row": {"value": {"inputs": _tensors(loaded)}}}
    summary = "Predict rows that are given as tensors"
    responses = {"200": answer("The predictions as tensors.", "InferenceResponse"), **unknown, **refusals(_FORM)}
    found = operation("v2", summary, responses, *named)
    return {**found, "requestBody": {"required": True, "content": {"application/json": asked}}}


def _tensors(loaded: Loaded) -> list[Part]:
    """The first golden row, a tensor for each field that it has."""
    from slipway.serving.oip.tensors import about

    row = loaded.golden.rows[0]
    return [
        {"name": field.name, "shape": [1], "datatype": about(field).datatype, "data": [row[field.name]]}
        for field in loaded.schema.fields
        if field.name in row
    ]


def _named(name: str, value: str) -> Part:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "enum": [value]}}


def _object(properties: Part, *required: str) -> Part:
    return {"type": "object", "properties": properties, "required": list(required or properties)}
