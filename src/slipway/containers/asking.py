"""Asking a container over HTTP: who it is, and what it predicts."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from slipway.containers import inference
from slipway.errors import OutOfReach, SlipwayError
from slipway.functions import calling
from slipway.functions.address import address

if TYPE_CHECKING:
    from slipway.schema import Schema

__all__ = ["answer", "describe", "identity", "predict"]


def describe(url: str) -> calling.Called:
    """Who answers at `url`, a function of ours or a container, which knows neither its artifact nor its fingerprint.

    Raises as `calling.describe` does.
    """
    parts = address(url, ("https", "http", "grpc", "grpcs"))
    try:
        return calling.describe(url)
    except SlipwayError:
        if parts.scheme.startswith("grpc"):  # which no container speaks
            raise
        named = identity(url)
        if named is None:
            raise
        return calling.Called(url.rstrip("/"), *named, artifact="", fingerprint="")


def answer(url: str, model: str, rows: Sequence[Any], schema: "Schema") -> list[Any]:
    """The predictions for `rows` as JSON has them; see `predict`."""
    return predict(url, model, schema.parse(rows), inference.datatypes(schema), schema.target.name)


def identity(url: str) -> tuple[str, str] | None:
    """The model id and the release that a container says it is; None where it does not say.

    Raises `OutOfReach` when nobody answers yet.
    """
    at = f"{url.rstrip('/')}/v2"
    status, told = calling.ask(at)
    if status in calling.NOT_READY:
        raise OutOfReach(f"{at} answers with status {status}", fix="see that the container runs and gets ready")
    name, version = (told.get("name"), told.get("version")) if isinstance(told, dict) else (None, None)
    # A server that was not written for slipway gives its own name.
    return (name, version) if isinstance(version, str) and isinstance(name, str) and name.count("/") == 2 else None


def predict(
    url: str, model: str, rows: Sequence[Mapping[str, Any]], types: Mapping[str, str], target: str
) -> list[Any]:
    """The predictions for `rows`, which are typed; `types` is as `inference.datatypes` gives it.

    Raises `SlipwayError` with what the container says when it gives none; it is `OutOfReach` where it does not answer
    now, and may later.
    """
    at = f"{url}/v2/models/{model}/infer"
    status, told = calling.ask(at, json.dumps(inference.request(rows, types)).encode())
    if status != 200:
        said = told.get("error", "") if isinstance(told, dict) else ""
        kind = OutOfReach if status in calling.NOT_READY else SlipwayError
        raise kind(f"{at} answered with status {status} {said}".rstrip(), fix="look at the container's log")
    try:
        return inference.predictions(told, target, len(rows))
    except ValueError as error:
        fix = "see the contract: functions/README.md, Other languages"
        raise SlipwayError(f"{at} does not answer by the protocol: {error}", fix=fix) from error
