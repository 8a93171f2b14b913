"""Calling a function of ours over HTTP, as verification does: who it is, and what it predicts."""

from __future__ import annotations

import http.client
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, NamedTuple

from slipway.errors import OutOfReach, SlipwayError
from slipway.images import addresses, grpc_client
from slipway.images.addresses import address
from slipway.images.grpc_client import LOCAL, PATIENCE

if TYPE_CHECKING:
    from slipway.artifacts import Golden

__all__ = ["NOT_READY", "Called", "ask", "describe", "predict", "reproduce"]

_LONGEST = 16 << 20

NOT_READY = (404, 429, 502, 503, 504)
"""What stands before a function says so while none is ready behind it, or none was yet: it may get better by itself."""


class Called(NamedTuple):
    """What a function says of itself."""

    url: str
    model_id: str
    release: str
    artifact: str
    fingerprint: str


def describe(url: str) -> Called:
    """Who answers at `url`; raises `SlipwayError` when none of ours does, and `OutOfReach` when nobody does yet."""
    if grpc_client.is_meant(url):
        return grpc_client.describe(url)
    url = url.rstrip("/")
    status, told = ask(f"{url}/")
    names = Called._fields[1:]
    if status == 401:
        raise addresses.refused(url, _said(told) or "status 401")
    if status in NOT_READY:
        raise OutOfReach(f"{url} answers with status {status}", fix="see that the function runs and gets ready")
    if status != 200 or not isinstance(told, dict) or not all(isinstance(told.get(name), str) for name in names):
        problem = f"{url} answers, with status {status}, but not as a function of slipway"
        raise SlipwayError(problem, fix="give the address that stands before /predict")
    return Called(url, *(told[name] for name in names))


def predict(url: str, rows: list[dict[str, Any]]) -> list[Any]:
    """The predictions for `rows`; raises `SlipwayError` with what the function says when it gives none.

    It is `OutOfReach` where the function does not answer now, and may later.
    """
    status, told = ask(f"{url}/predict", json.dumps(rows).encode())
    found = told.get("prediction") if isinstance(told, dict) else None
    if status == 200 and isinstance(found, list):
        return found
    if status == 401:
        raise addresses.refused(url, _said(told) or "status 401")
    kind = OutOfReach if status in NOT_READY else SlipwayError
    raise kind(f"{url}/predict answered with status {status} {_said(told)}".rstrip(), fix="look at the function's log")


def reproduce(url: str, golden: Golden) -> list[Any]:
    """The predictions for the golden rows, over HTTP or, of `grpc://…`, over gRPC; see `predict`."""
    return grpc_client.predict(url, golden) if grpc_client.is_meant(url) else predict(url, golden.rows)


def _said(told: Any) -> str:
    error = told.get("error") if isinstance(told, dict) else None
    return str(error.get("message", "")) if isinstance(error, dict) else ""


def ask(url: str, body: bytes | None = None) -> tuple[int, Any]:
    """Status and JSON of an answer; None for what is not JSON. Raises `OutOfReach` when there is none."""
    parts = address(url, ("https", "http"))
    # Never through a proxy to this machine itself.
    proxies = urllib.request.ProxyHandler({} if parts.hostname in LOCAL else None)
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - checked above
    if header := addresses.given().header:
        request.add_unredirected_header("Authorization", header)  # for nobody else
    try:
        with urllib.request.build_opener(proxies).open(request, timeout=PATIENCE) as answer:
            return answer.status, _json(answer.read(_LONGEST))
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _json(error.read(_LONGEST))
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        fix = "see that it runs, and that this machine can reach it"
        raise OutOfReach(f"{parts.scheme}://{parts.netloc} cannot be reached: {reason}", fix=fix) from error
    except ValueError as error:
        raise SlipwayError(f"{url!r} cannot be asked: {error}", fix="write https://iris.example.org") from error


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return None
