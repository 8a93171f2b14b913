"""What a function answers, as OpenAPI 3.1: made of the model's one schema, with golden predictions as examples.

https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from slipway.serving.http import openapi_v2
from slipway.serving.http.openapi_parts import NAMED, Part, answer, headers, operation, ref, refusals

if TYPE_CHECKING:
    from slipway.artifacts import Loaded
    from slipway.serving.description import Identity
    from slipway.serving.oip.inference import Inference

__all__ = ["document"]

_HINTS = {"basic": "Name and password.", "bearer": "A key: `Authorization: Bearer KEY`."}


def document(loaded: Loaded, identity: Identity, inference: Inference, access: str) -> Part:
    """The document of a function; `access` is how it is protected: none, basic or bearer."""
    made = {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://spec.openapis.org/oas/3.1/dialect/base",
        "info": _info(loaded, identity),
        "tags": [
            {"name": "predict", "description": "Rows as JSON objects, by their fields' names."},
            {"name": "v2", "description": "The Open Inference Protocol: fields as tensors."},
            {"name": "about", "description": "What it is, and whether it answers."},
        ],
        "paths": _paths(loaded, identity) | openapi_v2.paths(inference, loaded),
        "components": {"schemas": _schemas(loaded) | openapi_v2.schemas(inference), "headers": headers()},
    }
    return _protected(made, access) if access != "none" else made


def _info(loaded: Loaded, identity: Identity) -> Part:
    described = inspect.cleandoc(type(loaded.model).__doc__ or "")
    told = f"{identity.model_id}, release {identity.release}"
    return {"title": identity.model_id.partition("/")[0], "version": identity.release, "summary": told} | (
        {"description": described} if described else {}
    )


def _paths(loaded: Loaded, identity: Identity) -> Part:
    health = operation("about", "200 while it answers", {"200": answer("It answers.", "Health")}, open_=True)
    html = {"description": "The page.", "content": {"text/html": {"schema": {"type": "string"}}}}
    any_ = {"description": "This document.", "content": {"application/json": {"schema": {"type": "object"}}}}
    return {
        "/predict": {"post": _predict(loaded, identity)},
        "/": {"get": operation("about", "What it is", {"200": answer("The description.", "Description")})},
        "/openapi.json": {"get": operation("about", "This document", {"200": any_})},
        "/docs": {"get": operation("about", "A page to try it", {"200": html}, open_=True)},
        "/health/live": {"get": health},
        "/health/ready": {"get": health},
    }


def _predict(loaded: Loaded, identity: Identity) -> Part:
    rows, predictions = loaded.golden.rows, loaded.golden.predictions
    named = {"model_id": identity.model_id, "release": identity.release}
    asked: Part = {"schema": {"oneOf": [ref("Row"), {"type": "array", "items": ref("Row")}]}}
    given = answer("The prediction of a row, or those of a list in the same order.", "Answer")
    if rows:
        told = given["content"]["application/json"]
        asked["examples"] = {"row": {"value": rows[0]}, "rows": {"value": rows[:2]}}
        told["examples"] = {
            "row": {"value": {"status": "ok", "prediction": predictions[0], **named}},
            "rows": {"value": {"status": "ok", "prediction": predictions[:2], **named}},
        }
    body = {"required": True, "content": {"application/json": asked}}
    found = operation("predict", "Predict a row, or a list of rows", {"200": given, **refusals("Error")})
    return {**found, "requestBody": body}


def _schemas(loaded: Loaded) -> Part:
    prediction = ref("Prediction")
    row = {"type": "integer", "description": "From 0; left out where the model does not say which of several it is."}
    problem = _object({"row": row, "field": {"type": "string"}, "message": {"type": "string"}})
    problem["required"] = ["field", "message"]
    error = {
        "code": {"type": "string", "description": "A word for programs."},
        "message": {"type": "string", "description": "A sentence for people."},
        "problems": {"type": "array", "items": problem, "description": "What is wrong, by row and field."},
    }
    told = {"status": {"const": "error"}, "error": {**_object(error), "required": ["code", "message"]}}
    both = {"oneOf": [prediction, {"type": "array", "items": prediction}]}
    return {
        "Row": loaded.schema.to_json_schema(),
        "Prediction": _prediction(loaded),
        "Answer": _object({"status": {"const": "ok"}, "prediction": both, **NAMED}),
        "Error": _object({**told, **NAMED, "request_id": {"type": "string"}}),
        "Health": _object({"status": {"const": "ok"}, **NAMED}),
        "Description": {**_object({"status": {"const": "ok"}, **NAMED}), "additionalProperties": True},
    }


def _prediction(loaded: Loaded) -> Part:
    """What is predicted of a row, as far as the golden predictions tell: the target, or an object that has it."""
    target = loaded.schema.target
    schema = {"title": target.name, **target.to_json_schema()}
    kinds = {isinstance(each, dict) for each in loaded.golden.predictions}
    if kinds == {False}:
        return schema
    whole = {"type": "object", "properties": {target.name: schema}}
    return whole if kinds == {True} else {"anyOf": [schema, whole]}


def _object(properties: dict[str, Any]) -> Part:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _protected(made: Part, access: str) -> Part:
    """The document of a function that lets in only whom it knows."""
    scheme = {"type": "http", "scheme": access, "description": _HINTS.get(access, "")}
    made["components"]["securitySchemes"] = {"access": scheme}
    for path in made["paths"].values():
        for each in path.values():
            if "security" not in each:
                form = "InferenceError" if each["tags"] == ["v2"] else "Error"
                each["responses"] |= {
                    "401": answer("It is not known who asks.", form),
                    "503": answer("Nobody can be let in yet.", form),
                }
    return {**made, "security": [{"access": []}]}
