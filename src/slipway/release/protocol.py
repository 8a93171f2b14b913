"""By what a release is asked, as its manifests say it: HTTP/1.1, or gRPC."""

from typing import TYPE_CHECKING, Any

from slipway.serving.__main__ import PROTOCOL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from slipway.settings import ModelSettings

__all__ = ["PART", "holds", "values"]

PART = "grpc"
"""Where in `manifests/function` the platform engineer says what a function needs that is asked over gRPC."""


def values(own: "ModelSettings") -> dict[str, Any] | None:
    """What a release decides, as `manifests/function/grpc/kustomization.yaml` refers to it; None for HTTP."""
    return {"protocol": own.protocol} if own.protocol == "grpc" else None


def holds(containers: "Iterable[dict[str, Any]]") -> bool:
    """Whether one of the containers is told to speak gRPC."""
    return any({"name": PROTOCOL, "value": "grpc"} in (each.get("env") or ()) for each in containers)
