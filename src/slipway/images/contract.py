"""Containers that speak the Open Inference Protocol: calls of one, and what one lacks to be released."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from slipway.errors import SlipwayError
from slipway.images import clients
from slipway.images.addresses import Called, address
from slipway.schema import Schema, moments
from slipway.serving.http.requests import V2, V2_LIVE, V2_READY
from slipway.serving.oip import tensors
from slipway.text import counted

_OK = 200

Rows = Sequence[Mapping[str, Any]]


def missing(url: str, model: str, user: str, rows: Rows, types: Mapping[str, str], target: str) -> list[str]:
    """Return all that the container at `url` lacks; nothing when it is sound.

    It runs as `<model>/dev/1` and `dev`. `rows` are a few sound rows of the data; `types` is as `datatypes` gives it.
    """
    return [
        *_user(user),
        *_paths(url, model),
        *_metadata(url, model, types, target),
        *_answers(url, model, rows, types, target),
        *_refusals(url, model),
    ]


def _user(user: str) -> Iterator[str]:
    uid = user.partition(":")[0]
    if not uid.isdecimal() or int(uid) == 0:
        yield f"it runs as {user or 'root'!r}, and a cluster wants a number that is not 0: USER 65532"


def _paths(url: str, model: str) -> Iterator[str]:
    told = None
    for path in (V2_LIVE, V2_READY, V2):
        status, told = clients.ask(f"{url}{path}")
        if status != _OK:
            yield f"GET {path} gives {status}, and not 200"
    found, expected = _named(told), (f"{model}/dev/1", "dev")
    if found not in (None, expected):
        yield f"GET {V2} gives {found}, and MODEL_ID and RELEASE are {expected}"


def _metadata(url: str, model: str, types: Mapping[str, str], target: str) -> Iterator[str]:
    path = f"/v2/models/{model}"
    status, told = clients.ask(f"{url}{path}")
    if status != _OK or not isinstance(told, dict):
        yield f"GET {path} gives {status}, and not 200 with the model's metadata"
        return
    if told.get("name") != model:
        yield f"GET {path} names {told.get('name')!r}, and not {model!r}"
    inputs, outputs = _names(told.get("inputs")), _names(told.get("outputs"))
    if inputs != set(types):
        yield f"GET {path} has the inputs {_listed(inputs)}; the features are {_listed(set(types))}"
    if target not in outputs and len(outputs) != 1:
        yield f"GET {path} has the outputs {_listed(outputs)}, none of which is the target, {target}"


def _answers(url: str, model: str, rows: Rows, types: Mapping[str, str], target: str) -> Iterator[str]:
    for some in (rows[:1], rows):
        try:
            predict(url, model, some, types, target)
        except SlipwayError as error:
            yield f"{counted(len(some), 'row')} of the data: {error.problem}"


def _refusals(url: str, model: str) -> Iterator[str]:
    """Send requests that are wrong: a 200 would hide the mistake, and a 5xx would count as a failure of the model."""
    path = f"/v2/models/{model}/infer"
    for what, body in (("no JSON", b"{"), ("no inputs", b'{"inputs": []}')):
        status, _ = clients.ask(f"{url}{path}", body)
        if not 400 <= status < 500:
            yield f"POST {path} with {what} gives {status}, and not 400"


def _names(tensors: Any) -> set[str]:
    return {str(each.get("name")) for each in tensors if isinstance(each, dict)} if isinstance(tensors, list) else set()


def _listed(names: set[str]) -> str:
    return ", ".join(sorted(names)) or "none"


def describe(url: str) -> Called:
    """Ask a function of slipway or a container at `url` who it is; raise as `clients.describe` does."""
    parts = address(url, ("https", "http", "grpc", "grpcs"))
    try:
        return clients.describe(url)
    except SlipwayError:
        named = None if parts.scheme.startswith("grpc") else identity(url)  # no container speaks gRPC
        if named is None:
            raise
        return Called(url.rstrip("/"), *named)


def identity(url: str) -> tuple[str, str] | None:
    """Return the model id and the release that a container names; None where it names neither.

    Raise `OutOfReach` when nobody answers yet.
    """
    at = f"{url.rstrip('/')}{V2}"
    status, told = clients.ask(at)
    if status in clients.NOT_READY:
        raise clients.problem(at, status, "", "see that the container runs and gets ready")
    return _named(told)


def _named(told: Any) -> tuple[str, str] | None:
    name, version = (told.get("name"), told.get("version")) if isinstance(told, dict) else (None, None)
    # A server that was not written for slipway gives its own name.
    return (name, version) if isinstance(version, str) and isinstance(name, str) and name.count("/") == 2 else None


def predict(url: str, model: str, rows: Rows, types: Mapping[str, str], target: str) -> list[Any]:
    """Return the predictions for typed `rows`; `types` is as `datatypes` gives it.

    Raise `SlipwayError` with the container's own words when it gives none; it is `OutOfReach` where it may do so later.
    """
    at = f"{url}/v2/models/{model}/infer"
    status, told = clients.ask(at, json.dumps(request(rows, types)).encode())
    if status != _OK:
        said = told.get("error", "") if isinstance(told, dict) else ""
        raise clients.problem(at, status, said, "look at the container's log")
    try:
        return predictions(told, target, len(rows))
    except ValueError as error:
        fix = "see the contract: functions/README.md, Other languages"
        raise SlipwayError(f"{at} does not answer by the protocol: {error}", fix=fix) from error


def datatypes(schema: Schema) -> dict[str, str]:
    """Return the datatype of each input tensor, by its name."""
    return {field.name: tensors.about(field).datatype for field in schema.fields}


def request(rows: Rows, types: Mapping[str, str]) -> dict[str, Any]:
    """Return the body that asks for the predictions of `rows`."""
    columns = {name: [moments.plain(row[name]) for row in rows] for name in types}
    return {"inputs": [_input(name, types[name], values) for name, values in columns.items()]}


def _input(name: str, datatype: str, values: list[Any]) -> dict[str, Any]:
    """Return a tensor; lists of numbers are its rows, and nulls stand for one that is missing."""
    width = next((len(value) for value in values if isinstance(value, list)), 0)
    data = [[None] * width if value is None else value for value in values] if width else values
    return {"name": name, "shape": [len(values), width] if width else [len(values)], "datatype": datatype, "data": data}


def predictions(answer: Any, target: str, count: int) -> list[Any]:
    """Return a prediction for each row: the value of the only output, or a dict of all outputs with the target.

    Raise `ValueError` that says where `answer` breaks the protocol.
    """
    outputs = answer.get("outputs") if isinstance(answer, dict) else None
    if not isinstance(outputs, list) or not outputs or not all(isinstance(each, dict) for each in outputs):
        raise ValueError("the answer has no list of outputs")
    found = {str(each.get("name")): _rows(each, count) for each in outputs}
    if len(found) == 1:
        return next(iter(found.values()))
    if target not in found:
        raise ValueError(f"none of the outputs ({', '.join(found)}) is named {target!r}")
    return [{name: values[row] for name, values in found.items()} for row in range(count)]


def _rows(output: Mapping[str, Any], count: int) -> list[Any]:
    values = _flat(output.get("data"))
    width, left = divmod(len(values), count)
    if left or not width or output.get("shape") not in ([count], [count, width]):
        said = f"{len(values)} values, the shape {output.get('shape')}"
        raise ValueError(f"the output {output.get('name')!r} has {said}: for {count} rows it has to be [{count}]")
    return values if width == 1 else [values[row * width : (row + 1) * width] for row in range(count)]


def _flat(data: Any) -> list[Any]:
    return [value for each in data for value in _flat(each)] if isinstance(data, list) else [data]
