"""Kustomize: it renders components with the values of a release or a training."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from slipway.errors import SlipwayError
from slipway.overlays import documents


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


def parse(rendered: bytes) -> list[dict[str, Any]]:
    """Return the objects in the output of kustomize."""
    return [each for each in yaml.load_all(rendered, documents.READER) if each]


def fill(
    place: str,
    base: Mapping[str, bytes],
    kind: str,
    spec: dict[str, Any],
    root: Path,
    components: Sequence[str] = (),
    patches: Sequence[Any] = (),
) -> bytes:
    """Return the output of kustomize for the component at `place`, whose files are `base` and whose values are `spec`.

    `kind` is the kind of the object with the values, to which the replacements refer. `components` are folders in
    `place` with further components, and `patches` change what they render. Raise `SlipwayError` when kustomize is
    missing or fails.
    """
    if "kustomization.yaml" not in base:
        raise SlipwayError(f"{place}/kustomization.yaml is not in git", fix="git add and git commit it")
    # The annotation keeps this object out of the output; replacements can still read it.
    metadata = {"name": kind.lower(), "annotations": {"config.kubernetes.io/local-config": "true"}}
    values = {"apiVersion": "slipway/v1", "kind": kind, "metadata": metadata, "spec": spec}
    places = [f"../{place}", *(f"../{place}/{each}" for each in components)]
    patched: dict[str, Any] = {"patches": list(patches)} if patches else {}
    files = {f"{place}/{path}": content for path, content in base.items()} | {
        "values/values.yaml": documents.format(values),
        "values/kustomization.yaml": documents.kustomization(["values.yaml"], components=places, **patched),
    }
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        for path, content in files.items():
            file = Path(scratch) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        try:
            return build(Path(scratch) / "values", root)
        except SlipwayError as error:
            problem = error.problem.replace(f"{Path(scratch).resolve()}/", "").replace(f"{scratch}/", "")
            raise SlipwayError(f"{place} does not render: {problem}", fix=error.fix or f"mend {place}") from error


def containers(found: list[dict[str, Any]], kind: str, name: str, image: str) -> list[dict[str, Any]]:
    """Return the containers of the object with this kind and name; empty when none of them has the image."""
    chosen = [each for each in found if (each.get("kind"), each["metadata"].get("name")) == (kind, name)]
    templates = [(each.get("spec") or {}).get("template") or {} for each in chosen]
    there = [container for each in templates for container in (each.get("spec") or {}).get("containers") or []]
    return there if image in [container.get("image") for container in there] else []


def wrong(place: str, problem: str) -> SlipwayError:
    """Return the error for a component at `place` that renders something wrong."""
    fix = f"look at the replacements in {place}/kustomization.yaml; git log -- {place}"
    return SlipwayError(f"{place} {problem}", fix=fix)
