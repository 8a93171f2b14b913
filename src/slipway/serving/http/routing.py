"""Which of a function's paths and methods a request is for; the same for every function of ours.

A path may have names in braces, as `/v2/models/{model}/infer` has: each stands for one part of a request's path.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple, TypeVar

from slipway.serving.answers import Refusal

__all__ = ["INFERENCE", "MODELS", "PAGE", "PROBES", "READY", "Asked", "choose", "is_scrape", "known", "named"]

T = TypeVar("T")


class Asked(NamedTuple):
    """A request as what answers it takes it: the path as it was sent and as the function names it, headers, body."""

    path: str
    route: str
    headers: Mapping[str, str]
    body: bytes


def known(paths: Mapping[str, object], path: str) -> str | None:
    """The path as `paths` has it: `/predict` for `/predict/`, `/v2/models/{model}` for `/v2/models/iris`; or None."""
    if path in paths:
        return path
    path = path.rstrip("/") or "/"
    return path if path in paths else _matching(paths, path)


def named(route: str, path: str) -> dict[str, str]:
    """What stands in `path` where `route` has names: {"model": "iris"}."""
    pairs = zip(_parts(route), path.split("/"), strict=False)
    return {name[1:-1]: value for name, value in pairs if name.startswith("{")}


def choose(paths: Mapping[str, object], methods: Mapping[str, T] | None, method: str) -> T:
    """What answers `method` among the `methods` of a path, HEAD as GET.

    Raises `Refusal`: 405 that names the methods, and where there are none 404 that names the `paths`.
    """
    if methods is None:
        raise Refusal(404, "not_found", f"there is no such path; there are {', '.join(paths)}")
    found = methods.get("GET" if method == "HEAD" else method)
    if found is None:
        allowed = ", ".join([*methods, "HEAD"] if "GET" in methods else methods)
        message = f"{method[:20]} is not for this path; it takes {allowed}"
        raise Refusal(405, "method_not_allowed", message, headers={"allow": allowed})
    return found


def _matching(paths: Mapping[str, object], path: str) -> str | None:
    parts = path.split("/")
    return next((route for route in paths if "{" in route and _matches(_parts(route), parts)), None)


def _matches(route: tuple[str, ...], parts: list[str]) -> bool:
    return len(route) == len(parts) and all(
        (part != "") if name.startswith("{") else name == part for name, part in zip(route, parts, strict=True)
    )


@cache
def _parts(route: str) -> tuple[str, ...]:
    return tuple(route.split("/"))


PROBES = frozenset({"/health/live", "/health/ready", "/v2/health/live", "/v2/health/ready"})
"""What Kubernetes asks every few seconds."""

READY = frozenset({"/health/ready", "/v2/health/ready"})
"""Those of them by which it learns whether to send requests."""

PAGE = "/docs"
"""A page that tells nothing of the model: what it shows it asks for, by the key that its reader gives it."""

MODELS = ("/v2/models/{model}", "/v2/models/{model}/versions/{version}")
"""A model in the Open Inference Protocol, and a version of it: what follows is the same for both."""

INFERENCE = {
    **{f"{each}/infer": "POST" for each in MODELS},
    **{f"{each}{end}": "GET" for each in MODELS for end in ("", "/ready")},
    "/v2": "GET",
    "/v2/health/live": "GET",
    "/v2/health/ready": "GET",
}
"""Those of the Open Inference Protocol, each with its method."""

_METRICS = "/metrics"

# Every proxy before the function adds it, Knative's own to each request that comes by a Route or a Service.
_FORWARDED = "x-forwarded-for"


def is_scrape(path: str, headers: Mapping[str, str]) -> bool:
    """Whether the metrics are asked of the pod itself: what came through a proxy came from outside, or might have."""
    return path == _METRICS and _FORWARDED not in headers
