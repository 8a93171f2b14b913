"""What the function says of itself at `GET /`: enough to call it without any other documentation."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from slipway.artifacts import Loaded
from slipway.artifacts.card import About

__all__ = ["Identity", "describe"]

# Named when the process has loaded them.
_LIBRARIES = {"numpy": "numpy", "scikit-learn": "sklearn", "pandas": "pandas", "onnxruntime": "onnxruntime"}

_ENDPOINTS = {
    "POST /predict": "a JSON object (a row) gives its prediction, a list of them gives a list, [] gives []",
    "GET /": "this description",
    "GET /docs": "a page to try it",
    "GET /openapi.json": "all of it as OpenAPI 3.1",
    "GET /v2/models/{model}": "the model in the words of the Open Inference Protocol; POST …/infer predicts by it",
    "GET /health/live": "200 while the process answers",
    "GET /health/ready": "200 once the artifact's digests and the golden predictions held; nothing listens before",
}


class Identity(NamedTuple):
    """Who answers: the model id and the release, and what the bundle says of its content."""

    model_id: str
    release: str
    artifact: str = ""
    fingerprint: str = ""


def describe(loaded: Loaded, identity: Identity, limits: Mapping[str, int], about: About) -> dict[str, Any]:
    """The description as JSON holds it."""
    target = loaded.schema.target
    return {
        "status": "ok",
        **identity._asdict(),
        "description": inspect.cleandoc(type(loaded.model).__doc__ or ""),
        "endpoints": _ENDPOINTS,
        "limits": dict(limits),
        "schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "input": loaded.schema.to_json_schema(),
            "prediction": {"title": target.name, **target.to_json_schema()},
        },
        "example": _example(loaded, identity),
        "metrics": dict(about.metrics),
        "card": about.card,
        "versions": _versions(),
    }


def _example(loaded: Loaded, identity: Identity) -> dict[str, Any]:
    golden = loaded.golden
    if not golden.rows:
        return {}
    answer = {"status": "ok", "prediction": golden.predictions[0]}
    answer |= {"model_id": identity.model_id, "release": identity.release}
    return {"request": golden.rows[0], "answer": answer}


def _versions() -> dict[str, str]:
    from importlib import metadata  # a start has no need of it

    names = ["functions-framework", "msgspec", *(name for name, module in _LIBRARIES.items() if module in sys.modules)]
    found = {"python": ".".join(map(str, sys.version_info[:3]))}
    for name in names:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
