"""The manifests of a release: kustomize renders `manifests/function` with the values of the release."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from slipway.errors import SlipwayError
from slipway.gitops import parts
from slipway.overlays import documents
from slipway.overlays.types import ReleaseRecord
from slipway.serving.access import KIND
from slipway.serving.process import PROTOCOL
from slipway.settings import ModelSettings

__all__ = ["BASE", "build", "containers", "fill", "find_kustomize", "manifests", "parse", "values"]

BASE = "manifests/function"
"""The folder that every release is rendered from."""


def find_kustomize(root: Path) -> list[str]:
    """Return the command that builds a folder: kustomize from the PATH or `.tools/bin`, or `kubectl kustomize`.

    Raise `SlipwayError` when none is installed.
    """
    if found := shutil.which("kustomize") or shutil.which("kustomize", path=str(root / ".tools" / "bin")):
        return [found, "build"]
    if found := shutil.which("kubectl"):
        return [found, "kustomize"]
    raise SlipwayError("kustomize is not installed", fix="make tools")


def build(folder: Path, root: Path) -> bytes:
    """Return the output of kustomize for a folder. Raise `SlipwayError` with its message when it fails."""
    done = subprocess.run([*find_kustomize(root), str(folder)], capture_output=True, check=False)
    if done.returncode:
        raise SlipwayError(f"kustomize: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


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
        parts.ACCESS: parts.access_values(model, own.access),
        parts.GRPC: {"protocol": own.protocol} if own.protocol == "grpc" else None,
    }
    return found | {part: each for part, each in optional.items() if each}


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
    spec = values(model, record, own) | ({parts.VERIFICATION: verification} if verification else {})
    components = [part for part in (parts.VERIFICATION, parts.ACCESS, parts.GRPC) if part in spec]
    if record.container:
        components.append("container")
    rendered = fill(BASE, base, "Release", spec, root, components)
    found = parse(rendered)
    function = _checked(found, "Service", spec["name"], record.image)
    if own.access.kind != "none" and not _has_variable(function, KIND, own.access.kind):
        problem = f"{BASE} renders a Service that lets everybody in, and models.{model}.access is {own.access.kind}"
        raise SlipwayError(problem, fix=f"look at {BASE}/{parts.ACCESS}; git log -- {BASE}")
    if own.protocol == "grpc" and not _has_variable(function, PROTOCOL, "grpc"):
        problem = f"{BASE} renders a Service that does not speak gRPC, and models.{model}.protocol is grpc"
        raise SlipwayError(problem, fix=f"look at {BASE}/{parts.GRPC}; git log -- {BASE}")
    if verification is not None:
        _checked(found, "Job", verification["name"], record.verifier)
    return documents.HEADER.encode() + rendered


def parse(rendered: bytes) -> list[dict[str, Any]]:
    """Return the objects in the output of kustomize."""
    return [each for each in yaml.load_all(rendered, documents.READER) if each]


def _has_variable(containers: list[dict[str, Any]], name: str, value: str) -> bool:
    return any({"name": name, "value": value} in (each.get("env") or ()) for each in containers)


def fill(
    place: str, base: Mapping[str, bytes], kind: str, spec: dict[str, Any], root: Path, components: Sequence[str] = ()
) -> bytes:
    """Return the output of kustomize for the component at `place`, whose files are `base` and whose values are `spec`.

    `kind` is the kind of the object with the values, to which the replacements refer. `components` are folders in
    `place` with further components. Raise `SlipwayError` when kustomize is missing or fails.
    """
    if "kustomization.yaml" not in base:
        raise SlipwayError(f"{place}/kustomization.yaml is not in git", fix="git add and git commit it")
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        _lay_out(Path(scratch) / place, base)
        folder = _values(Path(scratch), [f"../{place}", *(f"../{place}/{each}" for each in components)], kind, spec)
        try:
            return build(folder, root)
        except SlipwayError as error:
            problem = error.problem.replace(f"{Path(scratch).resolve()}/", "").replace(f"{scratch}/", "")
            raise SlipwayError(f"{place} does not render: {problem}", fix=error.fix or f"mend {place}") from error


def _lay_out(place: Path, base: Mapping[str, bytes]) -> None:
    for path, content in base.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(content)


def _values(scratch: Path, components: list[str], kind: str, spec: dict[str, Any]) -> Path:
    """Write and return a folder that holds only the values and the list of components."""
    folder = scratch / "values"
    folder.mkdir()
    # The annotation keeps this object out of the output; replacements can still read it.
    metadata = {"name": kind.lower(), "annotations": {"config.kubernetes.io/local-config": "true"}}
    data = {"apiVersion": "slipway/v1", "kind": kind, "metadata": metadata, "spec": spec}
    (folder / "values.yaml").write_bytes(documents.format(data))
    (folder / "kustomization.yaml").write_bytes(
        documents.format(
            {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "resources": ["values.yaml"],
                "components": components,
            }
        )
    )
    return folder


def _checked(found: list[dict[str, Any]], kind: str, name: str, image: str) -> list[dict[str, Any]]:
    """Return the containers of an object. Raise `SlipwayError` when none has the image."""
    there = [container for each in found for container in containers(each, kind, name)]
    if image not in [container.get("image") for container in there]:
        raise SlipwayError(
            f"{BASE} renders no {kind} {name} with the image {image}",
            fix=f"look at the replacements in {BASE}/kustomization.yaml; git log -- {BASE}",
        )
    return there


def containers(document: dict[str, Any], kind: str, name: str) -> list[dict[str, Any]]:
    """Return the containers of an object with this kind and name; empty for any other object of the base."""
    if (document.get("kind"), document["metadata"].get("name")) != (kind, name):
        return []
    template = (document.get("spec") or {}).get("template") or {}
    return (template.get("spec") or {}).get("containers") or []
