"""KServe's protocol of version 1: https://kserve.github.io/website/docs/concepts/architecture/data-plane/v1-protocol.

Its clients send `{"instances": [ROW, …]}`. It has no types: rows are checked as those of `/predict`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slipway.schema import Schema
from slipway.serving.answers import Answer, Refusal, of
from slipway.serving.http.application import parts
from slipway.serving.http.requests import V1, V1_MODEL, Request, parse
from slipway.serving.oip.inference import Inference


def answer(inference: Inference, request: Request, predict: Callable[[list[Any]], list[Any]]) -> Answer:
    """Answer a request for one of the protocol's paths; raise `Refusal`, and whatever the model raises."""
    if request.route == V1:
        return of(200, {"models": [inference.model]})
    inference.check(**parts(request))
    if request.route == V1_MODEL:
        return of(200, {"name": inference.model, "ready": True})
    rows = instances(inference.schema, request.body)
    content = {"predictions": predict(rows), **inference.identity.named()}
    tags = inference.tags() if rows else {}
    return of(200, {**content, **({"tags": tags} if tags else {})}, rows=len(rows))


def instances(schema: Schema, body: bytes) -> list[Any]:
    """Return the rows in a body, still to be checked.

    A list stands for a row where all fields are numbers, in the order of the fields, as in a tensor of all of them.
    """
    value = parse(body)
    if not isinstance(value, dict) or not isinstance(value.get("instances"), list):
        raise Refusal(400, "invalid_request", 'the body is no object with a list of "instances", each a row')
    if more := [name for name in value if name not in ("instances", "signature_name")]:
        raise Refusal(400, "invalid_request", f"there is {more[0][:60]!r} beside the instances")
    is_numeric = all(field.kind in ("number", "integer") for field in schema.fields)
    return [
        dict(zip(schema.names, each, strict=True))
        if is_numeric and isinstance(each, list) and len(each) == len(schema.names)
        else each
        for each in value["instances"]
    ]
