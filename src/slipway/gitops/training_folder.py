"""A declared training: the files of `overlays/<environment>/<model>/training/`, rendered whole, read and compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from slipway.errors import SlipwayError
from slipway.gitops import rendering, training_values
from slipway.gitops.branches import Stand
from slipway.gitops.snapshot import Snapshot
from slipway.images import platform as platforms
from slipway.model import Parameter
from slipway.models.discovery import run_name
from slipway.overlays import documents
from slipway.overlays.overlay import KUSTOMIZATION, RECORD
from slipway.overlays.types import Overlay, Training, TrainingService, folder_of
from slipway.store import records

BASE = "workflows/train"
"""The folder that every training is rendered from."""

_SERVICE = "service.yaml"
# The template is created first: a workflow that does not find it fails at once.
_FILES = {"WorkflowTemplate": "template.yaml", "Workflow": "workflow.yaml", "CronWorkflow": "cron.yaml"}

# Changes of these fields, the deployed version included, need no new declaration.
_OF_ITS_MAKING = ("branch", "by", "commit", "created", "deployed", "fingerprint", "platform_fingerprint", "run")


def folder(environment: str, model: str) -> str:
    """Return the folder of a declared training within the repository."""
    return f"{folder_of(environment, model)}/training"


def read(snapshot: Snapshot, environment: str, model: str) -> Training | None:
    """Return the declared training of a model, if any. Raise `SlipwayError` for a damaged record."""
    path = f"{folder(environment, model)}/{RECORD}"
    content = snapshot.read(path)
    return None if content is None else documents.read(content, path, Training)


def declare(
    snapshot: Snapshot,
    stand: Stand,
    overlay: Overlay,
    image: str,
    *,
    digest: str,
    fingerprint: str = "",
    platform: str = "",
    platform_fingerprint: str = "",
    parameters: Mapping[str, Parameter] | None = None,
) -> dict[str, bytes | None]:
    """Return the files to write, and to remove (None), that declare a training by the trainer `image`.

    `digest` is the training digest, `fingerprint` that of the trainer, `platform` the image of the platform.
    `parameters` are the model's parameters, used only for a training service. Return no files when this training is
    declared already. Raise `SlipwayError` when `workflows/train` does not render.
    """
    settings, repository = snapshot.settings, snapshot.repository
    environment, model = overlay.environment, overlay.model
    of, at, serving = settings.model(model), settings.environment(environment), overlay.serving()
    service = (
        TrainingService(parameters=dict(parameters or {})) if training_values.has_service(settings, model) else None
    )
    before = read(snapshot, environment, model)
    training = Training(
        digest=digest,
        image=image,
        fingerprint=fingerprint,
        repository=platforms.repository_digest(settings, model),
        commit=stand.code.commit,
        branch=stand.code.branch,
        run=records.run_url(),
        created=records.now() if before is None or before.digest != digest else before.created,
        by=repository.identity(),
        deployed=serving.version if serving else None,
        schedule=of.schedule,
        secrets=of.secrets,
        variables=at.variables,
        settings=of.training,
        scores=training_values.measured(of.gates),
        store=at.store,
        announce=at.announce,
        platform=platform,
        platform_fingerprint=platform_fingerprint,
        service=service,
    )
    if before is not None and _content(before) == _content(training):
        return {}
    base = repository.files(stand.code.commit, BASE)
    after = files(base, environment, model, overlay.namespace, training, settings.root)
    return snapshot.differing(folder(environment, model), after)


def facts(model: str, digest: str, image: str, reason: str) -> dict[str, str]:
    """Return the facts about a declared training for its commit message."""
    return {"Training": run_name(model, digest), "Why": reason, "Trainer": image}


def _content(training: Training) -> tuple[object, ...]:
    """Return the fields that make a training different; its author, time and commit do not."""
    return tuple(getattr(training, name) for name in training.__struct_fields__ if name not in _OF_ITS_MAKING)


def files(
    base: Mapping[str, bytes], environment: str, model: str, namespace: str, training: Training, root: Path
) -> dict[str, bytes]:
    """Return all files of the folder by their path in it; `base` are the files of `workflows/train` in its commit.

    Raise `SlipwayError` when kustomize is missing or fails, or when it renders no workflow of this training.
    """
    own = {path: content for path, content in base.items() if not path.startswith("service/")}
    values = training_values.values(environment, model, namespace, training)
    manifests: dict[str, bytes] = {}
    # A line of three dashes only occurs between documents.
    for content in rendering.fill(BASE, own, "Training", values, root).split(b"\n---\n"):
        [document] = rendering.parse(content)
        name = _FILES.get(document["kind"])
        if name is None:
            fix = f"take it out of {BASE}/kustomization.yaml; what the namespace needs is in manifests/"
            raise SlipwayError(f"{BASE} renders a {document['kind']}, which no training has", fix=fix)
        if document["kind"] != "CronWorkflow" or training.schedule:
            manifests[name] = documents.HEADER.encode() + content.rstrip() + b"\n"
            _check(document, model, training)
    if missing := {"template.yaml", "workflow.yaml"} - manifests.keys():
        raise SlipwayError(f"{BASE} renders no {' and no '.join(sorted(missing))}", fix=f"git log -- {BASE}")
    if training.service is not None:
        manifests[_SERVICE] = _service(base, environment, model, training, root)
    resources = [name for name in (*_FILES.values(), _SERVICE) if name in manifests]
    return {
        **manifests,
        KUSTOMIZATION: documents.kustomization(resources, model, namespace=namespace, sortOptions={"order": "fifo"}),
        RECORD: documents.format(msgspec.to_builtins(training)),
    }


def _check(document: dict[str, Any], model: str, training: Training) -> None:
    """Raise `SlipwayError` when a workflow has another name, or does not run the trainer."""
    kind, name = document["kind"], document["metadata"]["name"]
    expected = run_name(model, training.digest) if kind == "Workflow" else f"train-{model}"
    defaults = document["spec"].get("templateDefaults", {}).get("container", {})
    image = kind != "WorkflowTemplate" or defaults.get("image") == training.image
    if name != expected or not image:
        lacks = "" if image else f" with the image {training.image}"
        raise rendering.wrong(BASE, f"renders no {kind} {expected}{lacks}")


def _service(base: Mapping[str, bytes], environment: str, model: str, training: Training, root: Path) -> bytes:
    """Return the Knative Service that starts a model's trainings.

    Raise `SlipwayError` when kustomize fails, or renders anything else than one Service with the image.
    """
    place = f"{BASE}/service"
    own = {path.removeprefix("service/"): each for path, each in base.items() if path.startswith("service/")}
    values = training_values.service_values(environment, model, training)
    rendered = rendering.fill(place, own, "TrainingService", values, root)
    found = rendering.parse(rendered)
    if len(found) != 1 or not rendering.containers(found, "Service", values["name"], training.platform):
        problem = f"renders something else than one Service {values['name']} with the image {training.platform}"
        raise rendering.wrong(place, problem)
    return documents.HEADER.encode() + rendered.rstrip() + b"\n"
