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

__all__ = ["BASE", "build", "fill", "find_kustomize", "manifests", "values"]

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
    rendered = fill(BASE, base, "Release", values(model, record, scale), root)
    _check(rendered, f"{model}-{record.release}", record.image)
    return documents.HEADER.encode() + rendered


def fill(place: str, base: "Mapping[str, bytes]", kind: str, spec: dict[str, Any], root: Path) -> bytes:
    """What kustomize makes of the component at `place` (its files in `base`), the source of its values being `spec`.

    `kind` is that of the object which the component's replacements refer to. Raises `SlipwayError` when kustomize is
    missing or refuses it.
    """
    if "kustomization.yaml" not in base:
        raise SlipwayError(f"{place}/kustomization.yaml is not in git", fix="git add and git commit it")
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        folder = _lay_out(Path(scratch), place, base, kind, spec)
        try:
            return build(folder, root)
        except SlipwayError as error:
            problem = error.problem.replace(f"{Path(scratch).resolve()}/", "").replace(f"{scratch}/", "")
            raise SlipwayError(f"{place} does not render: {problem}", fix=error.fix or f"mend {place}") from error


def _lay_out(scratch: Path, place: str, base: "Mapping[str, bytes]", kind: str, spec: dict[str, Any]) -> Path:
    """The base, and beside it a folder of data only that takes it as a component."""
    for path, content in base.items():
        file = scratch / place / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
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
                "components": [f"../{place}"],
            }
        )
    )
    return folder


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
