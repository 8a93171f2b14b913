"""Paths and methods of requests, the same for every function.

A path may have names in braces, as `/v2/models/{model}/infer`: each stands for one part of a request's path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple, TypeVar

from slipway.serving.answers import Refusal

__all__ = ["INFERENCE", "MODELS", "PAGE", "PROBES", "READY", "Request", "choose", "is_scrape", "known", "named"]

T = TypeVar("T")


class Request(NamedTuple):
    """A request: the caller's path, the function's name for it (`route`), headers and body."""

    path: str
    route: str
    headers: Mapping[str, str]
    body: bytes


def known(paths: Mapping[str, object], path: str) -> str | None:
    """Return the path as in `paths`, or None: `/predict` for `/predict/`, `/v2/models/{model}` for `/v2/models/a`."""
    if path in paths:
        return path
    path = path.rstrip("/") or "/"
    if path in paths:
        return path
    return next((route for route in paths if "{" in route and _pattern(route).fullmatch(path)), None)


def named(route: str, path: str) -> dict[str, str]:
    """Return the parts of `path` by the names in `route`: {"model": "iris"}."""
    match = _pattern(route).fullmatch(path.rstrip("/"))
    return match.groupdict() if match else {}


def choose(paths: Mapping[str, object], methods: Mapping[str, T] | None, method: str) -> T:
    """Return the entry for `method` among the `methods` of a path; HEAD counts as GET.

    Raise `Refusal`: 405 that lists the methods, or 404 that lists the `paths` where there are no methods.
    """
    if methods is None:
        raise Refusal(404, "not_found", f"there is no such path; there are {', '.join(paths)}")
    found = methods.get("GET" if method == "HEAD" else method)
    if found is None:
        allowed = ", ".join([*methods, "HEAD"] if "GET" in methods else methods)
        message = f"{method[:20]} is not for this path; it takes {allowed}"
        raise Refusal(405, "method_not_allowed", message, headers={"allow": allowed})
    return found


@cache
def _pattern(route: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", route))


PROBES = frozenset({"/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"})
"""The probes, which Kubernetes sends every few seconds."""

READY = frozenset({"/health/ready", "/v2/health/ready"})
"""The probes for readiness."""

PAGE = "/docs"
"""The page of documentation, open to everybody: it asks for its content with the reader's key."""

MODELS = ("/v2/models/{model}", "/v2/models/{model}/versions/{version}")
"""A model in the Open Inference Protocol, and a version of it; further parts are the same for both."""

INFERENCE = {
    **{f"{each}/infer": "POST" for each in MODELS},
    **{f"{each}{end}": "GET" for each in MODELS for end in ("", "/ready")},
    "/v2": "GET",
    "/v2/health/live": "GET",
    "/v2/health/ready": "GET",
}
"""The paths of the Open Inference Protocol, each with its method."""

_METRICS = "/metrics"

# Every proxy adds it, and Knative's own proxy handles each request that comes by a Route or a Service.
_FORWARDED = "x-forwarded-for"


def is_scrape(path: str, headers: Mapping[str, str]) -> bool:
    """Return whether the pod itself is asked for metrics, and no proxy has passed the request on from outside."""
    return path == _METRICS and _FORWARDED not in headers
