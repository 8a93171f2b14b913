"""A training as it is declared: `overlays/<environment>/<model>/training/`, read as data and written whole."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import yaml
from msgspec import Meta, Struct, field

from slipway.errors import SlipwayError
from slipway.release import documents, render
from slipway.release.overlay import KUSTOMIZATION, RECORD
from slipway.release.overlay_types import Digest, folder_of
from slipway.settings import SecretRef

if TYPE_CHECKING:
    from pathlib import Path

    from slipway.git import Repository

__all__ = ["BASE", "Training", "changes", "files", "folder", "name_of", "read", "values"]

BASE = "workflows/train"
"""Where the platform engineer says what every training looks like."""

_FILES = {"WorkflowTemplate": "template.yaml", "Workflow": "workflow.yaml", "CronWorkflow": "cron.yaml"}
_READER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Training(Struct, frozen=True, kw_only=True):
    """What is known of a declared training, as its `record.yaml` holds it; keys of a newer writer are passed over."""

    digest: Digest
    """The training digest of the code."""
    image: str
    """The trainer."""
    fingerprint: str = ""
    """That of the trainer."""
    commit: str
    """The commit that it was made from."""
    branch: str = ""
    """The branch that was built."""
    run: str = ""
    """The address of the run that declared it; empty where that was no pipeline's."""
    created: str
    """RFC 3339, UTC, seconds."""
    by: str
    deployed: Annotated[int, Meta(ge=1)] | None = None
    """The version to compare with."""
    schedule: str | None = None
    """When to train again, as cron writes it."""
    secrets: dict[str, SecretRef] = field(default_factory=dict)


def folder(environment: str, model: str) -> str:
    """Where a declared training is, within the repository."""
    return f"{folder_of(environment, model)}/training"


def name_of(model: str, training: Training) -> str:
    """`train-iris-1a2b3c4d`: the workflow that runs once for this training digest."""
    return f"train-{model}-{training.digest[:8]}"


def read(repository: "Repository", commit: str, environment: str, model: str) -> Training | None:
    """The training that a commit declares; None when it declares none. Raises `SlipwayError` on a damaged record."""
    path = f"{folder(environment, model)}/{RECORD}"
    content = repository.read([f"{commit}:{path}"])[f"{commit}:{path}"]
    if content is None:
        return None
    try:
        return msgspec.convert(documents.parse(content, path), Training)
    except msgspec.ValidationError as error:
        raise documents.damaged(path, f"does not hold what slipway writes there: {error}") from error


def values(environment: str, model: str, training: Training) -> dict[str, Any]:
    """What a training decides, as `workflows/train/kustomization.yaml` refers to it.

    Variables of the environment are strings in Kubernetes, so the deployed version is given as text, "" for none.
    Raises `SlipwayError` for text that Argo would take for an expression of its own.
    """
    found = {
        "name": f"train-{model}",
        "workflow": name_of(model, training),
        "model": model,
        "environment": environment,
        "digest": training.digest,
        "image": training.image,
        "commit": training.commit,
        "branch": training.branch,
        "deployed": str(training.deployed or ""),
        # To kustomize an empty list is a missing one.
        "schedules": [training.schedule or ""],
        "fit": [
            {"name": "SLIPWAY_MODEL", "value": model},
            *(
                {"name": variable, "valueFrom": {"secretKeyRef": {"name": each.secret, "key": each.key}}}
                for variable, each in sorted(training.secrets.items())
            ),
        ],
    }
    for key, value in found.items():
        if "{{" in str(value):
            fix = "give the branch another name" if key == "branch" else "take the braces out of it"
            raise SlipwayError(f"the {key} {value!r} holds {{{{, which Argo would evaluate", fix=fix)
    return found


def files(
    base: Mapping[str, bytes], environment: str, model: str, namespace: str, training: Training, root: "Path"
) -> dict[str, bytes]:
    """All files of the folder by their path in it; `base` are those of `workflows/train` in the commit it is made from.

    Raises `SlipwayError` when kustomize is missing, refuses the base, or makes no workflow of this training out of it.
    """
    rendered = render.fill(BASE, base, "Training", values(environment, model, training), root)
    manifests: dict[str, bytes] = {}
    # A line of three dashes cannot be within a document.
    for content in rendered.split(b"\n---\n"):
        document = yaml.load(content, _READER)  # noqa: S506 - a safe loader
        name = _FILES.get(document["kind"])
        if name is None:
            fix = f"take it out of {BASE}/kustomization.yaml; what the namespace needs is in manifests/"
            raise SlipwayError(f"{BASE} renders a {document['kind']}, which no training has", fix=fix)
        if name != _FILES["CronWorkflow"] or training.schedule:
            manifests[name] = documents.HEADER.encode() + content.rstrip() + b"\n"
            _check(document, model, training)
    if missing := {"template.yaml", "workflow.yaml"} - manifests.keys():
        raise SlipwayError(f"{BASE} renders no {' and no '.join(sorted(missing))}", fix=f"git log -- {BASE}")
    return {
        **manifests,
        KUSTOMIZATION: documents.format(_kustomization(model, namespace, manifests)),
        RECORD: documents.format(msgspec.to_builtins(training)),
    }


def changes(
    repository: "Repository", commit: str, environment: str, model: str, after: Mapping[str, bytes]
) -> dict[str, bytes | None]:
    """What to write, and what to remove, so that the commit's folder holds just the files `after`."""
    place = folder(environment, model)
    before = repository.files(commit, place)
    gone: dict[str, bytes | None] = {f"{place}/{path}": None for path in before.keys() - after}
    return gone | {f"{place}/{path}": content for path, content in after.items() if before.get(path) != content}


def _kustomization(model: str, namespace: str, manifests: Mapping[str, bytes]) -> dict[str, Any]:
    # The template comes before what refers to it: a workflow that does not find it fails at once.
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": namespace,
        "labels": [
            {
                "pairs": {"app.kubernetes.io/managed-by": "slipway", "app.kubernetes.io/name": model},
                "includeSelectors": False,
            }
        ],
        "resources": [name for name in _FILES.values() if name in manifests],
        "sortOptions": {"order": "fifo"},
    }


def _check(document: dict[str, Any], model: str, training: Training) -> None:
    """What the rest relies on: the names, and that the trainer is what runs."""
    kind, name = document["kind"], document["metadata"]["name"]
    expected = name_of(model, training) if kind == "Workflow" else f"train-{model}"
    image = kind != "WorkflowTemplate" or training.image in _images(document["spec"])
    if name != expected or not image:
        lacks = "" if image else f" with the image {training.image}"
        raise SlipwayError(
            f"{BASE} renders no {kind} {expected}{lacks}",
            fix=f"look at the replacements in {BASE}/kustomization.yaml; git log -- {BASE}",
        )


def _images(spec: dict[str, Any]) -> list[str]:
    templates = [spec.get("templateDefaults", {}), *spec["templates"]]
    return [template.get("container", {}).get("image", "") for template in templates]
