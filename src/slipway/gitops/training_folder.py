"""A declared training: the files of `overlays/<environment>/<model>/training/`, rendered, read and compared."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from slipway.errors import SlipwayError
from slipway.gitops import rendering
from slipway.gitops.branches import Stand
from slipway.gitops.release_folder import announcement, references, variables
from slipway.gitops.snapshot import Snapshot
from slipway.images import platform as platforms
from slipway.model import Parameter
from slipway.models.data import READ, data_source
from slipway.models.discovery import run_name
from slipway.overlays import documents
from slipway.overlays.overlay import KUSTOMIZATION, RECORD
from slipway.overlays.types import USUAL_SCORES, Overlay, Training, TrainingService, folder_of
from slipway.settings import Settings
from slipway.settings.types import secrets_for
from slipway.store import records

BASE = "workflows/train"
"""The folder that every training is rendered from."""

GAUGE = "slipway_training_score"
"""The gauge; Argo's controller serves it as `argo_workflows_slipway_training_score{model, environment, metric}`."""

# Argo's rule for names of parameters.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")

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
    source = data_source(settings, model)
    service = TrainingService(parameters=dict(parameters or {})) if has_service(settings, model) else None
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
        reads=source is not None and source.uri == READ,
        variables=at.variables,
        settings=of.training,
        scores=measured(of.gates),
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
    spec = values(environment, model, namespace, training)
    components = [name for name, key in (("reading", "fetch"), ("serving", "evaluate")) if key in spec]
    manifests: dict[str, bytes] = {}
    # A line of three dashes only occurs between documents.
    for content in rendering.fill(BASE, own, "Training", spec, root, components).split(b"\n---\n"):
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
    spec = service_values(environment, model, training)
    rendered = rendering.fill(place, own, "TrainingService", spec, root)
    found = rendering.parse(rendered)
    if len(found) != 1 or not rendering.containers(found, "Service", spec["name"], training.platform):
        problem = f"renders something else than one Service {spec['name']} with the image {training.platform}"
        raise rendering.wrong(place, problem)
    return documents.HEADER.encode() + rendered.rstrip() + b"\n"


def measured(gates: Iterable[str]) -> list[str]:
    """Return the metrics that get a gauge: the usual ones, and the model's own ones that a gate names."""
    return sorted({*USUAL_SCORES, *(name for name in gates if _NAME.fullmatch(name))})


def _gauge(environment: str, model: str, name: str) -> dict[str, Any]:
    value = f"{{{{outputs.parameters.{name}}}}}"
    labels = {"environment": environment, "metric": name, "model": model}
    return {
        "name": GAUGE,
        "help": "A metric of the version that was published last, on rows that it was not trained on",
        "labels": [{"key": key, "value": text} for key, text in labels.items()],
        # A metric that the model does not have leaves an empty parameter.
        "when": f"'{value}' != ''",
        "gauge": {"realtime": False, "value": value},
    }


def values(environment: str, model: str, namespace: str, training: Training) -> dict[str, Any]:
    """Return the values of a training for `workflows/train/kustomization.yaml`.

    Environment variables are strings in Kubernetes, so the deployed version is given as text, "" for none.
    Raise `SlipwayError` for text that Argo would evaluate as an expression.
    """
    own: dict[str, Any] = {
        "name": f"train-{model}",
        "workflow": run_name(model, training.digest),
        "model": model,
        "environment": environment,
        "digest": training.digest,
        "image": training.image,
        "variables": _variables(model, namespace, training),
        "cpu": training.settings.cpu,
        "memory": training.settings.memory,
        "deadline": training.settings.deadline,
        "platform": training.platform or training.image,
        "store": training.store,
        "announcing": announcement(training.announce),
        # Kustomize treats an empty list as a missing one.
        "schedules": [training.schedule or ""],
        "fit": [{"name": "SLIPWAY_MODEL", "value": model}, *references(training.secrets)],
    }
    if asked := references(secrets_for(training.secrets, "serving")):
        own["evaluate"] = asked
    if training.reads and (given := references(secrets_for(training.secrets, "training"))):
        own["fetch"] = given
    # The branch comes first, as anybody can choose its name; the variables contain it too.
    for key, value in {"branch": training.branch, **own}.items():
        if "{{" in str(value):
            fix = "give the branch another name" if key == "branch" else "take the braces out of it"
            raise SlipwayError(f"the {key} {value!r} holds {{{{, which Argo would evaluate", fix=fix)
    # An environment variable and no argument, since the steps decide its text.
    failures = {"name": "SLIPWAY_FAILURES", "value": "{{workflow.failures}}"}
    out = "/run/slipway/out/scores"
    return own | {
        "announcing": [failures, *own["announcing"]],
        "scores": [{"name": each, "valueFrom": {"path": f"{out}/{each}", "default": ""}} for each in training.scores],
        "gauges": [_gauge(environment, model, each) for each in training.scores],
    }


def _variables(model: str, namespace: str, training: Training) -> list[dict[str, Any]]:
    """Return the environment variables of every step; the run's name comes from a label that Argo gives its pods."""
    told = {
        **training.variables,
        "SLIPWAY_COMMIT": training.commit,
        "SLIPWAY_BRANCH": training.branch,
        "SLIPWAY_DECLARED": training.created,
        "SLIPWAY_DEPLOYED": str(training.deployed or ""),
        "SLIPWAY_DEPLOYED_AT": f"http://{model}.{namespace}.svc.cluster.local",
    }
    run = {"fieldRef": {"fieldPath": "metadata.labels['workflows.argoproj.io/workflow']"}}
    return [*variables(told), {"name": "SLIPWAY_RUN", "valueFrom": run}]


def has_service(settings: Settings, model: str) -> bool:
    """Return whether a model has a training service; it needs trainings that are declared in git."""
    of = settings.model(model)
    return "training" in of.services and of.train == "declared"


def service_name(model: str) -> str:
    """Return the name of the service, such as `iris-training`; no release has such a name."""
    return f"{model}-training"


def service_values(environment: str, model: str, training: Training) -> dict[str, Any]:
    """Return the values of the service for `workflows/train/service/kustomization.yaml`."""
    labels = {"app.kubernetes.io/component": "training-service", "app.kubernetes.io/name": model}
    if training.settings.visibility == "cluster-local":
        labels["networking.knative.dev/visibility"] = "cluster-local"
    told = {
        **training.variables,
        "HOME": "/scratch",
        "SLIPWAY_ACCESS": "/etc/slipway/access",
        "SLIPWAY_CLUSTER": "/var/run/secrets/slipway",
        "SLIPWAY_ENVIRONMENT": environment,
        "SLIPWAY_MODEL": model,
        "SLIPWAY_PARAMETERS": json.dumps(training.service.parameters if training.service else {}, sort_keys=True),
        "SLIPWAY_STORE": training.store,
        "TMPDIR": "/scratch",
    }
    return {
        "name": service_name(model),
        "model": model,
        "labels": labels,
        "image": training.platform,
        "access": training.settings.access or service_name(model),
        "variables": variables(told),
    }
