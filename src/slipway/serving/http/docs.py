"""The documentation of a function, for people and programs: `/`, `/openapi.json`, and the page at `/docs`.

`openapi.json` is the OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1.html) of any model. Its parameters,
request bodies and responses are components here, and are written out where a function serves it.
"""

from __future__ import annotations

import inspect
import re
import sys
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Any

import msgspec

from slipway.artifacts import Loaded
from slipway.artifacts.manifest import ModelCard
from slipway.schema import Field
from slipway.serving.answers import Answer
from slipway.serving.bundled import Identity
from slipway.serving.http.requests import LIVE, MODELS, OPENAPI, PAGE, PREDICT, READY, V1_PREDICT
from slipway.serving.oip import tensors
from slipway.serving.oip.inference import Inference

Part = dict[str, Any]

_FOLDER = Path(__file__).parent

# Named when the process has loaded them.
_LIBRARIES = {"numpy": "numpy", "scikit-learn": "sklearn", "pandas": "pandas", "onnxruntime": "onnxruntime"}

_TYPES = {str: "string", bool: "boolean", int: "number", float: "number", list: "array", dict: "object"}
_TYPES[type(None)] = "null"

_ENDPOINTS = {
    f"POST {PREDICT}": "a JSON object (a row) gives its prediction, a list of them gives a list, [] gives []",
    "GET /": "this description",
    f"GET {PAGE}": "a page to try it",
    f"GET {OPENAPI}": "all of it as OpenAPI 3.1",
    f"GET {MODELS[0]}": "the model in the words of the Open Inference Protocol; POST …/infer predicts by it",
    f"POST {V1_PREDICT}": "the same for KServe's clients of version 1: a list of rows as `instances`",
    f"GET {LIVE}": "200 while the process answers",
    f"GET {READY}": "200 once the artifact's digests and the golden predictions held; nothing listens before",
}

_HINTS = {"basic": "Name and password.", "bearer": "A key: `Authorization: Bearer KEY`."}


def description(loaded: Loaded, identity: Identity, limits: Mapping[str, int], card: ModelCard) -> Part:
    """Return the content of `GET /`: enough to call the function without any other documentation."""
    target = loaded.schema.target
    return {
        "status": "ok",
        **identity._asdict(),
        "description": _about(loaded),
        "endpoints": _ENDPOINTS,
        "limits": dict(limits),
        "schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "input": loaded.schema.to_json_schema(),
            "prediction": {"title": target.name, **target.to_json_schema()},
        },
        "example": _example(loaded, identity),
        "metrics": dict(card.metrics),
        **({"metadata": told} if (told := loaded.metadata()) else {}),
        "card": card.text,
        "versions": _versions(),
    }


def openapi(loaded: Loaded, identity: Identity, inference: Inference, access: str) -> Part:
    """Return the OpenAPI document of a function; `access` is its protection: none, basic or bearer."""
    document: Part = msgspec.json.decode((_FOLDER / "openapi.json").read_bytes())
    components = document["components"]
    shared = {kind: components.pop(kind) for kind in ("parameters", "requestBodies", "responses")}
    # A reference becomes the very object that it names: filling in a component below fills in every use of it.
    for operation in _operations(document):
        operation["parameters"] = [_resolved(each, shared) for each in operation["parameters"]]
        operation["responses"] = {code: _resolved(each, shared) for code, each in operation["responses"].items()}
        if "requestBody" in operation:
            operation["requestBody"] = _resolved(operation["requestBody"], shared)
    document["info"] |= {
        "title": inference.model,
        "version": identity.release,
        "summary": f"{identity.model_id}, release {identity.release}",
        **({"description": about} if (about := _about(loaded)) else {}),
    }
    shared["parameters"]["Model"]["schema"]["enum"].append(inference.model)
    shared["parameters"]["Version"]["schema"]["enum"].append(inference.version)
    _fill_schemas(components["schemas"], loaded, inference)
    if loaded.golden.rows:
        _add_examples(shared, loaded, identity)
    if access != "none":
        _protect(document, shared["responses"], access)
    return document


def page(access: str) -> Answer:
    """Return the page at `/docs`: it says nothing of the model itself, and asks for `openapi.json` beside it.

    It knows the kind of `access`, since a browser may ask for a password by itself before a page can.
    """
    text = (_FOLDER / "docs.html").read_bytes().replace(b'data-access="none"', f'data-access="{access}"'.encode())
    # By this policy a browser runs what is in the page, and loads or runs nothing else.
    style, script = (_hash(text, tag) for tag in (b"style", b"script"))
    allowed = f"style-src {style}; script-src {script}; connect-src 'self'; img-src data:"
    policy = f"default-src 'none'; {allowed}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": policy,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }
    return Answer(200, headers, text)


def _example(loaded: Loaded, identity: Identity) -> Part:
    golden = loaded.golden
    return {"request": golden.rows[0], "answer": _answer(golden.predictions[0], identity)} if golden.rows else {}


def _answer(prediction: Any, identity: Identity) -> Part:
    return {"status": "ok", "prediction": prediction, **identity.named()}


def _versions() -> dict[str, str]:
    names = ["functions-framework", "msgspec", *(name for name, module in _LIBRARIES.items() if module in sys.modules)]
    versions = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in names:
        with suppress(metadata.PackageNotFoundError):
            versions[name] = metadata.version(name)
    return versions


def _operations(document: Part) -> Iterator[Part]:
    for path in document["paths"].values():
        yield from path.values()


def _resolved(part: Part, components: Part) -> Part:
    """Return the component that `part` refers to, or `part` where it is no reference."""
    *_, kind, name = part.get("$ref", "//").split("/")
    return components[kind][name] if name else part


def _about(loaded: Loaded) -> str:
    return inspect.cleandoc(type(loaded.model).__doc__ or "")


def _fill_schemas(schemas: Part, loaded: Loaded, inference: Inference) -> None:
    outputs = [tensor.name for tensor in inference.outputs]
    schemas["Row"] |= loaded.schema.to_json_schema()
    schemas["Prediction"] |= _prediction(loaded)
    schemas["InferenceRequest"]["properties"]["outputs"]["items"]["properties"]["name"]["enum"] += outputs
    schemas["InferenceResponse"]["properties"]["outputs"]["items"]["properties"]["name"]["examples"] += outputs


def _prediction(loaded: Loaded) -> Part:
    """Return the schema of a prediction by the golden ones: the target, an object with the target, or either."""
    target = loaded.schema.target
    schema = {"title": target.name, **target.to_json_schema()}
    if target.kind in ("object", "any") or not loaded.schema.truth:
        return schema
    kinds = {isinstance(each, dict) for each in loaded.golden.predictions}
    if kinds == {False}:
        return schema
    dicts = [each for each in loaded.golden.predictions if isinstance(each, dict)]
    whole = {"type": "object", "properties": {**_of_values(dicts)["properties"], target.name: schema}}
    return whole if kinds == {True} else {"anyOf": [schema, whole]}


def _of_values(values: Sequence[Any]) -> Part:
    """Return a schema of values that golden predictions have: of each key of a dict, and of all elements of a list.

    Of numbers and texts, which a prediction may lack, null is one.
    """
    found = {_TYPES[type(each)] for each in values if type(each) in _TYPES}
    types = sorted(found | ({"null"} if found & {"number", "string"} else set()))
    schema: Part = {"type": types[0] if len(types) == 1 else types} if types else {}
    if "number" in types:
        schema["format"] = "double"
    if dicts := [each for each in values if isinstance(each, dict)]:
        names = dict.fromkeys(name for each in dicts for name in each)
        schema["properties"] = {name: _of_values([each[name] for each in dicts if name in each]) for name in names}
    if lists := [each for each in values if isinstance(each, list)]:
        schema["items"] = _of_values([value for each in lists for value in each])
    return schema


def example_value(field: Field, value: Any) -> Any:
    """Return a golden value as its datatype takes it: data have whole numbers as 186.0, and INT64 takes 186.

    A list that is missing is one of nulls.
    """
    if value is None and field.length:
        return [None] * field.length
    return int(value) if field.kind == "integer" and value is not None else value


def _add_examples(components: Part, loaded: Loaded, identity: Identity) -> None:
    """Add the first golden rows and their predictions to the request bodies and the response."""
    rows, predictions = loaded.golden.rows, loaded.golden.predictions
    inputs = [
        {
            "name": field.name,
            "shape": [1, *tensors.about(field).shape[1:]],
            "datatype": tensors.about(field).datatype,
            "data": [example_value(field, rows[0][field.name])],
        }
        for field in loaded.schema.fields
        if field.name in rows[0]
    ]
    answers = {"row": _answer(predictions[0], identity), "rows": _answer(predictions[:2], identity)}
    bodies = components["requestBodies"]
    for part, values in (
        (bodies["Rows"], {"row": rows[0], "rows": rows[:2]}),
        (bodies["Tensors"], {"row": {"inputs": inputs}}),
        (bodies["Instances"], {"rows": {"instances": rows[:2]}}),
        (components["responses"]["Answer"], answers),
    ):
        part["content"]["application/json"]["examples"] = {name: {"value": value} for name, value in values.items()}


def _protect(document: Part, responses: Part, access: str) -> None:
    """Require access for every operation that is not open to everybody."""
    scheme = {"type": "http", "scheme": access, "description": _HINTS.get(access, "")}
    document["components"]["securitySchemes"] = {"access": scheme}
    document["security"] = [{"access": []}]
    for operation in _operations(document):
        if "security" not in operation:
            prefix = "Inference" if operation["tags"] in (["v1"], ["v2"]) else ""
            refusals = {"401": responses[f"{prefix}Unauthorized"], "503": responses[f"{prefix}Unavailable"]}
            operation["responses"] |= refusals


def _hash(text: bytes, tag: bytes) -> str:
    """Return the hash of the page's one element `tag`, as a policy names it."""
    found = re.search(rb"<%b>(.*?)</%b>" % (tag, tag), text, re.DOTALL)
    return f"'sha256-{b64encode(sha256(found[1] if found else b'').digest()).decode()}'"
