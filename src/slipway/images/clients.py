"""Calls of a function: over HTTP, and of `grpc://…` over gRPC."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from slipway.artifacts import Golden
from slipway.errors import OutOfReach, SlipwayError
from slipway.http_client import Client, NoAnswer
from slipway.images import addresses, grpc_client
from slipway.images.addresses import LOCAL, PATIENCE, Called, address

__all__ = ["NOT_READY", "Called", "ask", "describe", "predict", "problem", "reproduce"]

_LONGEST = 16 << 20

# A proxy answers so while no function is ready behind it; it may get better by itself.
NOT_READY = (404, 429, 502, 503, 504)


def describe(url: str) -> Called:
    """Ask the function at `url` who it is.

    Raise `SlipwayError` when it is no function of slipway, and `OutOfReach` when nobody answers yet.
    """
    if grpc_client.is_meant(url):
        return grpc_client.describe(url)
    url = url.rstrip("/")
    status, told = ask(f"{url}/")
    if status == 401 or status in NOT_READY:
        raise problem(url, status, _message(told), "see that the function runs and gets ready")
    names = Called._fields[1:]
    if status != 200 or not isinstance(told, dict) or not all(isinstance(told.get(name), str) for name in names):
        wrong = f"{url} answers, with status {status}, but not as a function of slipway"
        raise SlipwayError(wrong, fix="give the address that stands before /predict")
    return Called(url, *(told[name] for name in names))


def predict(url: str, rows: list[dict[str, Any]]) -> list[Any]:
    """Return the predictions for `rows`; raise the function's `problem` when it gives none."""
    status, told = ask(f"{url}/predict", json.dumps(rows).encode())
    found = told.get("prediction") if isinstance(told, dict) else None
    if status == 200 and isinstance(found, list):
        return found
    raise problem(url if status == 401 else f"{url}/predict", status, _message(told), "look at the function's log")


def reproduce(url: str, golden: Golden) -> list[Any]:
    """Return the predictions for the golden rows; see `predict`."""
    return grpc_client.predict(url, golden) if grpc_client.is_meant(url) else predict(url, golden.rows)


def problem(url: str, status: int, said: str, fix: str) -> SlipwayError:
    """Return the error for an answer with this status; it is `OutOfReach` where it may get better by itself."""
    if status == 401:
        return addresses.refused(url, said or "status 401")
    kind: Callable[..., SlipwayError] = OutOfReach if status in NOT_READY else SlipwayError
    return kind(f"{url} answers with status {status} {said}".rstrip(), fix=fix)


def _message(told: Any) -> str:
    error = told.get("error") if isinstance(told, dict) else None
    return str(error.get("message", "")) if isinstance(error, dict) else ""


def ask(url: str, body: bytes | None = None) -> tuple[int, Any]:
    """Return status and JSON of an answer, None for other content; raise `OutOfReach` when there is no answer."""
    parts = address(url, ("https", "http"))
    headers = {"Content-Type": "application/json"}
    if header := addresses.given().header:
        headers["Authorization"] = header
    try:
        client = Client(direct=parts.hostname in LOCAL)
        answer = client.call(url, body, headers, timeout=PATIENCE, limit=_LONGEST)
    except NoAnswer as error:
        fix = "see that it runs, and that this machine can reach it"
        raise OutOfReach(f"{parts.scheme}://{parts.netloc} cannot be reached: {error}", fix=fix) from error
    except ValueError as error:
        raise SlipwayError(f"{url!r} cannot be asked: {error}", fix="write https://iris.example.org") from error
    return answer.status, _json(answer.content)


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None
