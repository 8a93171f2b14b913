"""The paths of a function that are not all alike: which are not for callers, which are open, which are a protocol's."""

from collections.abc import Mapping

__all__ = ["INFERENCE", "MODELS", "PAGE", "PROBES", "READY", "is_scrape"]

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
