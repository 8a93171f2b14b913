"""`slipway.schema.json`: the types of `slipway.yaml` as JSON Schema, by which editors complete and check the file.

`make schema` writes it. It is of draft 7, which every editor knows.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
from typing import Any

import msgspec

from slipway.settings import types


def schema() -> dict[str, Any]:
    """Return the schema of `slipway.yaml`."""
    _, definitions = msgspec.json.schema_components([types.File, types.Own], ref_template="#/definitions/{name}")
    for name, texts in _descriptions().items():
        for key, text in texts.items() if name in definitions else ():  # a base of others is not
            properties = definitions[name]["properties"]
            properties[key] = _described(properties[key], text)
    # A model's name with nothing below it stands for all the defaults.
    models = definitions["File"]["properties"]["models"]
    models["additionalProperties"] = {"anyOf": [models["additionalProperties"], {"type": "null"}]}
    # The type holds what is written, which is laid over the model's values; `consistency` reads it as `Own`.
    own = definitions["ModelSettings"]["properties"]["per_environment"]
    own["additionalProperties"] = {"$ref": "#/definitions/Own"}
    file = definitions.pop("File") | {"title": "slipway.yaml"}
    whole = {"$schema": "http://json-schema.org/draft-07/schema#", **file, "definitions": definitions}
    found: dict[str, Any] = _portable(whole)
    return found


def _descriptions() -> dict[str, dict[str, str]]:
    """Return the text below each key, by the name of the struct; a struct has those of its base as well."""
    found: dict[str, dict[str, str]] = {}
    for node in ast.parse(inspect.getsource(types)).body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            inherited = [found.get(ast.unparse(base), {}) for base in node.bases]
            found[node.name] = {key: text for each in inherited for key, text in each.items()} | _texts_below(node)
    return found


def _texts_below(node: ast.ClassDef) -> dict[str, str]:
    pairs = zip(node.body, node.body[1:], strict=False)
    return {
        ast.unparse(key.target): inspect.cleandoc(text.value.value)
        for key, text in pairs
        if isinstance(key, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant)
        if isinstance(text.value.value, str)
    }


def _described(value: dict[str, Any], text: str) -> dict[str, Any]:
    """Add the description to a key's schema, with the form that a text has to have."""
    if "$ref" in value:  # draft 7 reads nothing beside a reference
        return {"description": text, "allOf": [value]}
    if "pattern" in value:
        text += f"\nForm: {re.sub(' (is|are) needed', '', value['description'])}"
    return {**value, "description": text}


def _portable(value: Any) -> Any:
    """Return the schema with patterns of JavaScript in place of Python's, which has `\\A` and `\\Z`."""
    if isinstance(value, list):
        return [_portable(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {key: _portable(each) for key, each in value.items()}
    if isinstance(pattern := found.get("pattern"), str):
        found["pattern"] = re.sub(r"\A\\A(.*)\\Z\Z", r"^\1$", pattern)
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n")
