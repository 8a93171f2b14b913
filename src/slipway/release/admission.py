"""Who may ask a release, as its manifests say it: the Secret, which the function and the verifying Job have mounted."""

from typing import TYPE_CHECKING, Any

from slipway.serving.access import KIND

if TYPE_CHECKING:
    from collections.abc import Iterable

    from slipway.settings import AccessSettings

__all__ = ["PART", "holds", "values"]

PART = "access"
"""Where in `manifests/function` the platform engineer says how the Secret is mounted."""

_FOLDER = "/etc/slipway/access"


def values(model: str, access: "AccessSettings") -> dict[str, Any] | None:
    """What a release decides, as `manifests/function/access/kustomization.yaml` refers to it; None for all callers."""
    if access.kind == "none":
        return None
    # Optional: the pod starts without the Secret, so that the function can say what it lacks.
    return {"kind": access.kind, "secret": access.secret or f"{model}-access", "folder": _FOLDER, "optional": True}


def holds(containers: "Iterable[dict[str, Any]]", kind: str) -> bool:
    """Whether one of the containers is told to let in those alone whom that kind of access knows."""
    return any({"name": KIND, "value": kind} in (each.get("env") or ()) for each in containers)
