"""A release in an overlay: its values and its folder, its share of the route, and its words in messages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from slipway import digests
from slipway.errors import SlipwayError
from slipway.github.events import TOKEN
from slipway.gitops import rendering
from slipway.gitops.snapshot import Snapshot
from slipway.names import ModelId, ReleaseName
from slipway.overlays import documents
from slipway.overlays import overlay as overlays
from slipway.overlays.overlay import KUSTOMIZATION, MANIFESTS, RECORD
from slipway.overlays.types import Overlay, Release, ReleaseRecord
from slipway.serving.access import KIND
from slipway.serving.process import ORIGINS, PROTOCOL, SECRETS, listed
from slipway.settings import Environment, ModelSettings
from slipway.settings.types import AccessSettings, Announce, SecretRef, secrets_for

BASE = "manifests/function"
"""The folder that every release is rendered from."""

ACCESS, GRPC, VERIFICATION = "access", "grpc", "verification"
"""The optional components of `manifests/function`: the Secret of the access, gRPC, and the verification Job."""

_FOLDER = "/etc/slipway/access"


def make(code: Snapshot, record: ReleaseRecord) -> Release:
    """Return a release with all its files, rendered from `manifests/function` and the settings of the code.

    The record gets the digest of the others.
    """
    settings = code.settings
    model, environment, _ = record.model_id.split("/")
    base = code.files(BASE)
    own = settings.model(model).within(environment)
    verification = verification_values(base, settings.environment(environment), model, record, own)
    files = {
        KUSTOMIZATION: documents.kustomization([MANIFESTS]),
        MANIFESTS: manifests(base, model, record, own, settings.root, verification),
    }
    record = msgspec.structs.replace(record, manifests=overlays.digest_of(files))
    return Release(record=record, files=files | {RECORD: documents.format(msgspec.to_builtins(record))})


def manifests(
    base: Mapping[str, bytes],
    model: str,
    record: ReleaseRecord,
    own: ModelSettings,
    root: Path,
    verification: dict[str, Any] | None = None,
) -> bytes:
    """Return the manifests of a release; `base` are the files of `manifests/function` in its commit.

    `own` are the model's settings within the environment. The values of a `verification` add its Job.
    Raise `SlipwayError` when kustomize is missing or fails, or when the Service or the Job is missing. Raise it too
    when the Service does not enforce the access or the protocol of the settings.
    """
    spec = values(model, record, own) | ({VERIFICATION: verification} if verification else {})
    components = [part for part in (VERIFICATION, ACCESS, GRPC) if part in spec]
    if record.container:
        components.append("container")
    told = [] if record.container else [*secret_variables(own), *origin_variables(own)]
    rendered = rendering.fill(BASE, base, "Release", spec, root, components, _with_variables(told))
    found = rendering.parse(rendered)
    function = _checked(found, "Service", spec["name"], record.image)
    if own.access.kind != "none" and not _has_variable(function, KIND, own.access.kind):
        problem = f"{BASE} renders a Service that lets everybody in, and models.{model}.access is {own.access.kind}"
        raise SlipwayError(problem, fix=f"look at {BASE}/{ACCESS}; git log -- {BASE}")
    if own.protocol == "grpc" and not _has_variable(function, PROTOCOL, "grpc"):
        problem = f"{BASE} renders a Service that does not speak gRPC, and models.{model}.protocol is grpc"
        raise SlipwayError(problem, fix=f"look at {BASE}/{GRPC}; git log -- {BASE}")
    if verification is not None:
        _checked(found, "Job", verification["name"], record.verifier)
    return documents.HEADER.encode() + rendered


def secret_variables(own: ModelSettings) -> list[dict[str, Any]]:
    """Return the secrets of a function as its container's `env`.

    They are optional to Kubernetes, so that the function starts and says which one is missing.
    """
    secrets = secrets_for(own.secrets, "serving")
    return [{"name": SECRETS, "value": listed(secrets)}, *references(secrets, optional=True)] if secrets else []


def origin_variables(own: ModelSettings) -> list[dict[str, Any]]:
    """Return the origins whose pages may call, as the function's `env`."""
    return [{"name": ORIGINS, "value": " ".join(own.cors)}] if own.cors else []


def references(secrets: Mapping[str, SecretRef], **more: bool) -> list[dict[str, Any]]:
    """Return secrets as a container's `env`, sorted by name; the Secrets are only named."""
    return [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": each.secret, "key": each.key, **more}}}
        for name, each in sorted(secrets.items())
    ]


def _with_variables(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the patch that adds variables to those of the function."""
    added = [{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": each} for each in told]
    service = {"group": "serving.knative.dev", "kind": "Service"}
    return [{"target": service, "patch": documents.format(added).decode()}] if told else []


def _has_variable(containers: list[dict[str, Any]], name: str, value: str) -> bool:
    return any({"name": name, "value": value} in (each.get("env") or ()) for each in containers)


def _checked(found: list[dict[str, Any]], kind: str, name: str, image: str) -> list[dict[str, Any]]:
    """Return the containers of an object. Raise `SlipwayError` when none has the image."""
    there = rendering.containers(found, kind, name, image)
    if not there:
        raise rendering.wrong(BASE, f"renders no {kind} {name} with the image {image}")
    return there


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
            "seconds": str(scale.timeout),
            # The function's own answer to a request that takes too long has to come before Knative's, which is no JSON.
            "timeout": scale.timeout + 5,
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


def share(route: Mapping[ReleaseName, int], name: ReleaseName, percent: int) -> dict[ReleaseName, int]:
    """Return the route with `percent` for `name`; the others divide the rest in their present proportions.

    A release whose share rounds to 0 leaves the route. Raise `SlipwayError` for an impossible share.
    """
    others = {other: part for other, part in route.items() if other != name}
    if not 1 <= percent <= 100:
        raise SlipwayError(f"{percent} % is no share of the requests", fix="give 1 to 100")
    if not others and percent != 100:
        raise SlipwayError(f"{name} has nothing to share the requests with", fix="leave --traffic out, or give 100")
    total, left = sum(others.values()), 100 - percent
    divided = {other: part * left // total for other, part in others.items()}
    # The largest remainders get the points that rounding left over; of equal ones, the newer release.
    order = sorted(others, key=lambda other: (others[other] * left % total, other), reverse=True)
    for other in order[: left - sum(divided.values())]:
        divided[other] += 1
    return {name: percent} | {other: part for other, part in divided.items() if part}


def with_share(overlay: Overlay, release: Release, percent: int) -> Overlay:
    """Return the overlay with `percent` of its route for a release; declare the release if it is new."""
    declared = overlay if release in overlay.releases else overlay.with_release(release)
    return msgspec.structs.replace(declared, route=share(overlay.route, release.name, percent))


def shown(route: Mapping[ReleaseName, int]) -> str:
    """Describe a route in words, newest release first."""
    ordered = sorted(route.items(), reverse=True)
    return ", ".join(f"{name} {percent} %" for name, percent in ordered) or "nothing runs"


def shown_metrics(metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in sorted(metrics.items())) or "none recorded"


def announced(subject: str, facts: Mapping[str, str]) -> str:
    """Return a commit message: the subject, and below it one line for each fact."""
    return "\n".join([subject, "", *(f"{name}: {value}" for name, value in facts.items()), ""])
