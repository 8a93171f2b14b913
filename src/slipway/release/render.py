"""The manifests of a release: `manifests/function` filled in by kustomize, whole, once and for all."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from slipway.errors import SlipwayError
from slipway.release import documents

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slipway.release.overlay_types import ReleaseRecord
    from slipway.settings import Scale

__all__ = ["BASE", "build", "find_kustomize", "manifests", "values"]

BASE = "manifests/function"
"""Where the platform engineer says what every release looks like."""

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


def values(model: str, record: "ReleaseRecord", scale: "Scale") -> dict[str, Any]:
    """What a release decides, as `manifests/function/kustomization.yaml` refers to it.

    Annotations and environment variables are strings in Kubernetes, so numbers that end up there are given as text.
    """
    return {
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
    }


def manifests(base: "Mapping[str, bytes]", model: str, record: "ReleaseRecord", scale: "Scale", root: Path) -> bytes:
    """The manifests of a release, from the files of `manifests/function` as they are in the commit it is made from.

    Raises `SlipwayError` when kustomize is missing, refuses the base, or makes no Service of the release out of it.
    """
    if "kustomization.yaml" not in base:
        raise SlipwayError(f"{BASE}/kustomization.yaml is not in git", fix="git add and git commit it")
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        folder = _lay_out(Path(scratch), base, values(model, record, scale))
        try:
            rendered = build(folder, root)
        except SlipwayError as error:
            problem = error.problem.replace(f"{Path(scratch).resolve()}/", "").replace(f"{scratch}/", "")
            raise SlipwayError(f"{BASE} does not render: {problem}", fix=error.fix or f"mend {BASE}") from error
    _check(rendered, f"{model}-{record.release}", record.image)
    return documents.HEADER.encode() + rendered


def _lay_out(scratch: Path, base: "Mapping[str, bytes]", spec: dict[str, Any]) -> Path:
    """The base, and beside it a folder of data only that takes it as a component."""
    for path, content in base.items():
        file = scratch / BASE / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    release = scratch / "release"
    release.mkdir()
    # Marked as local, it is a source of values and stays out of what is rendered.
    metadata = {"name": "release", "annotations": {"config.kubernetes.io/local-config": "true"}}
    data = {"apiVersion": "slipway/v1", "kind": "Release", "metadata": metadata, "spec": spec}
    (release / "release.yaml").write_bytes(documents.format(data))
    (release / "kustomization.yaml").write_bytes(
        documents.format(
            {
                "apiVersion": "kustomize.config.k8s.io/v1beta1",
                "kind": "Kustomization",
                "resources": ["release.yaml"],
                "components": [f"../{BASE}"],
            }
        )
    )
    return release


def _check(rendered: bytes, name: str, image: str) -> None:
    services = [
        document
        for document in yaml.load_all(rendered, _READER)
        if document and document["kind"] == "Service" and document["metadata"]["name"] == name
    ]
    images = [
        container.get("image")
        for service in services
        for container in service["spec"]["template"]["spec"]["containers"]
    ]
    if image not in images:
        raise SlipwayError(
            f"{BASE} renders no Service {name} with the image {image}",
            fix=f"look at the replacements in {BASE}/kustomization.yaml; git log -- {BASE}",
        )
