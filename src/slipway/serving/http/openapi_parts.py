"""What the operations of a function have in common, as OpenAPI writes it."""

from __future__ import annotations

from typing import Any

__all__ = ["NAMED", "Part", "answer", "headers", "operation", "ref", "refusals"]

Part = dict[str, Any]

NAMED: Part = {
    "model_id": {"type": "string", "description": "The version that answers: iris/test/7."},
    "release": {"type": "string", "description": "The release that answers: v7-1a2b3c4d."},
}

_REFUSALS = {
    "400": "The body does not fit: `problems` has row, field and reason.",
    "408": "The body was not there in time.",
    "413": "The body is over a limit, of bytes or of rows.",
    "415": "The body is something else than JSON in UTF-8.",
    "500": "The model failed; its log has the reason.",
}

_ASKED_ID = {
    "name": "X-Request-Id",
    "in": "header",
    "description": "An id of the caller's own, up to 128 characters of ASCII without spaces; it comes back.",
    "schema": {"type": "string"},
}


def ref(name: str) -> Part:
    """A schema by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def headers() -> Part:
    """Those of an answer, by their name."""
    return {
        "RequestId": {
            "description": "The id that the function's log has this request under.",
            "required": True,
            "schema": {"type": "string"},
        }
    }


def answer(description: str, schema: str) -> Part:
    """An answer in JSON."""
    return {
        "description": description,
        "headers": {"X-Request-Id": {"$ref": "#/components/headers/RequestId"}},
        "content": {"application/json": {"schema": ref(schema)}},
    }


def refusals(form: str) -> Part:
    """The answers to a body that is not carried out, by status; their schema has the name `form`."""
    return {status: answer(words, form) for status, words in _REFUSALS.items()}


def operation(tag: str, summary: str, responses: Part, *parameters: Part, open_: bool = False) -> Part:
    """One operation; `open_` where nobody has to say who asks."""
    made: Part = {"tags": [tag], "summary": summary, "parameters": [*parameters, _ASKED_ID], "responses": responses}
    return {**made, "security": []} if open_ else made
