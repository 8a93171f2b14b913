"""The manifests of a release: `manifests/function` filled in by kustomize, whole, once and for all."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from slipway.errors import SlipwayError
from slipway.gitops import parts as admission
from slipway.gitops import parts as protocol
from slipway.gitops.parts import PART
from slipway.overlays import documents
from slipway.overlays.types import ReleaseRecord
from slipway.settings import ModelSettings

__all__ = ["BASE", "build", "containers", "fill", "find_kustomize", "manifests", "values"]

BASE = "manifests/function"
"""Where the platform engineer says what every release looks like."""

# Folders in it that only some releases need.
_PARTS = (admission.ACCESS_PART, protocol.PROTOCOL_PART)

_READER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def find_kustomize(root: Path) -> list[str]:
    """The command that builds a folder: kustomize from the PATH or from `.tools/bin`, or kubectl's own.

    Raises `SlipwayError` when there is none.
    """
    if found := shutil.which("kustomize") or shutil.which("kustomize", path=str(root / ".tools" / "bin")):
        return [found, "build"]
    if found := shutil.which("kubectl"):
        return [found, "kustomize"]
    raise SlipwayError("kustomize is not installed", fix="make tools")


def build(folder: Path, root: Path) -> bytes:
    """What kustomize makes of a folder; raises `SlipwayError` with its own words."""
    done = subprocess.run([*find_kustomize(root), str(folder)], capture_output=True, check=False)
    if done.returncode:
        raise SlipwayError(f"kustomize: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def values(model: str, record: ReleaseRecord, own: ModelSettings) -> dict[str, Any]:
    """What a release decides, as `manifests/function/kustomization.yaml` refers to it; `own` are the model's settings.

    Annotations and environment variables are strings in Kubernetes, so numbers that end up there are given as text.
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
    parts = {
        admission.ACCESS_PART: admission.access_values(model, own.access),
        protocol.PROTOCOL_PART: protocol.protocol_values(own),
    }
    return found | {part: each for part, each in parts.items() if each}


def manifests(
    base: Mapping[str, bytes],
    model: str,
    record: ReleaseRecord,
    own: ModelSettings,
    root: Path,
    verification: dict[str, Any] | None = None,
) -> bytes:
    """The manifests of a release, from the files of `manifests/function` as they are in the commit it is made from.

    `own` are the model's settings within the environment. With the values of a `verification`, the Job is among them.
    Raises `SlipwayError` when kustomize is missing, refuses the base, or makes no Service of the release, or no such
    Job, out of it, or one that lets in whom the settings do not, or speaks another protocol.
    """
    spec = values(model, record, own) | ({PART: verification} if verification else {})
    rendered = fill(BASE, base, "Release", spec, root, _parts(spec, record))
    found = [each for each in yaml.load_all(rendered, _READER) if each]
    function = _checked(found, "Service", spec["name"], record.image)
    if own.access.kind != "none" and not admission.has_access(function, own.access.kind):
        problem = f"{BASE} renders a Service that lets everybody in, and models.{model}.access is {own.access.kind}"
        raise SlipwayError(problem, fix=f"look at {BASE}/{admission.ACCESS_PART}; git log -- {BASE}")
    if own.protocol == "grpc" and not protocol.has_protocol(function):
        problem = f"{BASE} renders a Service that does not speak gRPC, and models.{model}.protocol is grpc"
        raise SlipwayError(problem, fix=f"look at {BASE}/{protocol.PROTOCOL_PART}; git log -- {BASE}")
    if verification is not None:
        _checked(found, "Job", verification["name"], record.verifier)
    return documents.HEADER.encode() + rendered


def _parts(spec: dict[str, Any], record: ReleaseRecord) -> list[str]:
    """The components of the base that the release takes."""
    return [part for part in (PART, *_PARTS) if part in spec] + (["container"] if record.container else [])


def fill(
    place: str, base: Mapping[str, bytes], kind: str, spec: dict[str, Any], root: Path, parts: Sequence[str] = ()
) -> bytes:
    """What kustomize makes of the component at `place` (its files in `base`), the source of its values being `spec`.

    `kind` is that of the object which the component's replacements refer to; `parts` are folders in it that are
    components of their own. Raises `SlipwayError` when kustomize is
    missing or refuses it.
    """
    if "kustomization.yaml" not in base:
        raise SlipwayError(f"{place}/kustomization.yaml is not in git", fix="git add and git commit it")
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        _lay_out(Path(scratch) / place, base)
        folder = _values(Path(scratch), [f"../{place}", *(f"../{place}/{part}" for part in parts)], kind, spec)
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
    """A folder of data only that takes the components beside it."""
    folder = scratch / "values"
    folder.mkdir()
    # Marked as local, it is a source of values and stays out of what is rendered.
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
    """The containers of an object that is to be there, with that image among them."""
    there = [container for each in found for container in containers(each, kind, name)]
    if image not in [container.get("image") for container in there]:
        raise SlipwayError(
            f"{BASE} renders no {kind} {name} with the image {image}",
            fix=f"look at the replacements in {BASE}/kustomization.yaml; git log -- {BASE}",
        )
    return there


def containers(document: dict[str, Any], kind: str, name: str) -> list[dict[str, Any]]:
    """The containers of an object if it is that one, and starts any; the base may have others, and of any shape."""
    if (document.get("kind"), document["metadata"].get("name")) != (kind, name):
        return []
    template = (document.get("spec") or {}).get("template") or {}
    return (template.get("spec") or {}).get("containers") or []
