"""The values that a release fills into `manifests/function` and its optional components."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slipway import digests
from slipway.github.events import TOKEN
from slipway.names import ModelId
from slipway.overlays.types import ReleaseRecord
from slipway.settings import Environment, ModelSettings
from slipway.settings.types import AccessSettings, Announce

ACCESS, GRPC, VERIFICATION = "access", "grpc", "verification"
"""The optional components of `manifests/function`: the Secret of the access, gRPC, and the verification Job."""

_FOLDER = "/etc/slipway/access"


def values(model: str, record: ReleaseRecord, own: ModelSettings) -> dict[str, Any]:
    """Return the values of a release for `manifests/function/kustomization.yaml`; `own` are the model's settings.

    Numbers for annotations and environment variables are given as text, since Kubernetes takes only strings there.
    """
    scale = own.scale
    found = {
        "name": f"{model}-{record.release}",
        "model": model,
        "release": record.release,
        "modelId": record.model_id,
        "fingerprint": record.fingerprint,
        "artifact": record.artifact,
        "image": record.image,
        "scale": {
            "min": str(scale.min),
            "max": str(scale.max),
            "concurrency": scale.concurrency,
            "threads": str(scale.concurrency),
            "timeout": scale.timeout,
            "cpu": scale.cpu,
            "memory": scale.memory,
        },
        "limits": {"body": str(own.limits.bytes), "rows": str(own.limits.rows)},
    }
    optional = {
        ACCESS: access_values(model, own.access),
        GRPC: {"protocol": own.protocol} if own.protocol == "grpc" else None,
    }
    return found | {part: each for part, each in optional.items() if each}


def access_values(model: str, access: AccessSettings) -> dict[str, Any] | None:
    """Return the values for `manifests/function/access/kustomization.yaml`; None when every caller is let in."""
    if access.kind == "none":
        return None
    # Optional: the pod starts without the Secret, so that the function can report that it is missing.
    return {"kind": access.kind, "secret": access.secret or f"{model}-access", "folder": _FOLDER, "optional": True}


def verification_values(
    base: Mapping[str, bytes], environment: Environment, model: str, record: ReleaseRecord, own: ModelSettings
) -> dict[str, Any] | None:
    """Return the values for `manifests/function/verification/kustomization.yaml`.

    Return None when the release has no verifier image, the environment no bucket, or the base no such component.
    Kubernetes cannot change a Job, so its name ends with four digits of a digest of its content.
    """
    part = _digests(base, VERIFICATION)
    if not (part and record.verifier and environment.in_bucket):
        return None
    # The digest leaves out values that follow from the release's name.
    job: dict[str, Any] = {
        "image": record.verifier,
        "store": environment.store,
        "env": [
            {"name": "NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
            *variables(environment.variables),
            *announcement(environment.announce),
        ],
    }
    release = f"{model}-{record.release}"
    decides: list[Any] = [part, job]
    if let_in := access_values(model, own.access):
        decides += [_digests(base, ACCESS), let_in]
    if own.protocol != "http":
        decides.append(own.protocol)
    name = f"verify-{release}-{digests.of_value(decides)[:4]}"
    # The verification record names this user.
    job["env"].append({"name": "LOGNAME", "value": name})
    within = ModelId.parse(record.model_id).environment
    return job | {
        "name": name,
        "release": f"{within}/{model}/{record.release}",
        "address": f"{own.protocol}://{release}",
    }


def _digests(base: Mapping[str, bytes], part: str) -> dict[str, str]:
    return {path: digests.of_bytes(content) for path, content in base.items() if path.startswith(f"{part}/")}


def variables(values: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return variables as a container's `env`, sorted by name."""
    return [{"name": name, "value": value} for name, value in sorted(values.items())]


def announcement(to: Announce | None) -> list[dict[str, Any]]:
    """Return the `env` that lets a container announce its result; the container starts without the Secret too."""
    if to is None:
        return []
    token = {"secretKeyRef": {"name": to.secret, "key": to.key, "optional": True}}
    return [{"name": "GITHUB_REPOSITORY", "value": to.repository}, {"name": TOKEN, "valueFrom": token}]
