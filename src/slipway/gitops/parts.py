"""The Job that verifies a release where it runs: what a release decides of it, and what its pod sees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from slipway import digests
from slipway.github.announcements import TOKEN
from slipway.images.platform import is_bucket
from slipway.names import ModelId
from slipway.overlays.types import ReleaseRecord
from slipway.serving.__main__ import PROTOCOL
from slipway.serving.access import KIND
from slipway.settings import AccessSettings, Announce, Environment, ModelSettings, Protocol

__all__ = [
    "ACCESS_PART",
    "PART",
    "PROTOCOL_PART",
    "access_values",
    "announcing",
    "has_access",
    "has_protocol",
    "protocol_values",
    "values",
    "variables",
]

ACCESS_PART = "access"
"""Where in `manifests/function` the platform engineer says how the Secret is mounted."""

_FOLDER = "/etc/slipway/access"


def access_values(model: str, access: AccessSettings) -> dict[str, Any] | None:
    """What a release decides, as `manifests/function/access/kustomization.yaml` refers to it; None for all callers."""
    if access.kind == "none":
        return None
    # Optional: the pod starts without the Secret, so that the function can say what it lacks.
    return {"kind": access.kind, "secret": access.secret or f"{model}-access", "folder": _FOLDER, "optional": True}


def has_access(containers: Iterable[dict[str, Any]], kind: str) -> bool:
    """Whether one of the containers is told to let in those alone whom that kind of access knows."""
    return any({"name": KIND, "value": kind} in (each.get("env") or ()) for each in containers)


PROTOCOL_PART = "grpc"
"""Where in `manifests/function` the platform engineer says what a function needs that is asked over gRPC."""


def protocol_values(own: ModelSettings) -> dict[str, Any] | None:
    """What a release decides, as `manifests/function/grpc/kustomization.yaml` refers to it; None for HTTP."""
    return {"protocol": own.protocol} if own.protocol == "grpc" else None


def has_protocol(containers: Iterable[dict[str, Any]]) -> bool:
    """Whether one of the containers is told to speak gRPC."""
    return any({"name": PROTOCOL, "value": "grpc"} in (each.get("env") or ()) for each in containers)


PART = "verification"
"""Where in `manifests/function` the platform engineer says what the Job looks like."""


def values(
    base: Mapping[str, bytes],
    environment: Environment,
    model: str,
    record: ReleaseRecord,
    access: AccessSettings | None = None,
    spoken: Protocol = "http",
) -> dict[str, Any] | None:
    """What a release decides, as `manifests/function/verification/kustomization.yaml` refers to it.

    None where no Job verifies it: it has no image for that, its environment no bucket, or the base no such part.
    A Job cannot be changed, only made anew, so its name has four digits of all that decides what it is.
    """
    part = _digests(base, PART)
    if not (part and record.verifier and is_bucket(environment)):
        return None
    # What follows from the release's name makes no difference.
    job: dict[str, Any] = {
        "image": record.verifier,
        "store": environment.store,
        "env": [
            {"name": "NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            *variables(environment),
            *announcing(environment.announce),
        ],
    }
    release = f"{model}-{record.release}"
    decides: list[Any] = [part, job]
    if access and (let_in := access_values(model, access)):
        decides += [_digests(base, ACCESS_PART), let_in]
    if spoken != "http":
        decides.append(spoken)
    name = f"verify-{release}-{digests.of_value(decides)[:4]}"
    # By whom it was verified, as the evidence says.
    job["env"].append({"name": "LOGNAME", "value": name})
    within = ModelId.parse(record.model_id).environment
    return job | {"name": name, "release": f"{within}/{model}/{record.release}", "address": f"{spoken}://{release}"}


def _digests(base: Mapping[str, bytes], part: str) -> dict[str, str]:
    return {path: digests.of_bytes(content) for path, content in base.items() if path.startswith(f"{part}/")}


def variables(environment: Environment) -> list[dict[str, Any]]:
    """The environment's own variables, as a container takes them."""
    return [{"name": name, "value": value} for name, value in sorted(environment.variables.items())]


def announcing(to: Announce | None) -> list[dict[str, Any]]:
    """What a container needs to announce what it did; a Secret that is missing stops nothing."""
    if to is None:
        return []
    token = {"secretKeyRef": {"name": to.secret, "key": to.key, "optional": True}}
    return [{"name": "GITHUB_REPOSITORY", "value": to.repository}, {"name": TOKEN, "valueFrom": token}]
