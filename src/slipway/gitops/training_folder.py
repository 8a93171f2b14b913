"""A training as it is declared: `overlays/<environment>/<model>/training/`, read as data and written whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml

from slipway.errors import SlipwayError
from slipway.gitops import rendering, training_service
from slipway.gitops.parts import announcing
from slipway.gitops.training_record import USUAL, Training, name_of
from slipway.overlays import documents
from slipway.overlays.overlay import KUSTOMIZATION, RECORD

__all__ = [
    "BASE",
    "GAUGE",
    "files",
    "gauges",
    "measured",
    "values",
]

GAUGE = "slipway_training_score"
"""Argo's controller serves it as `argo_workflows_slipway_training_score{model, environment, metric}`."""

# What Argo takes for the name of a parameter.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")


def measured(gates: Iterable[str]) -> list[str]:
    """The metrics that get a gauge: the usual ones, and those of the model's own that a gate names."""
    return sorted({*USUAL, *(name for name in gates if _NAME.fullmatch(name))})


def gauges(environment: str, model: str, names: Iterable[str]) -> dict[str, list[Mapping[str, Any]]]:
    """The parameters that the last step leaves, and the gauges that show them.

    A metric that a model does not have leaves nothing, and gets no gauge then.
    """
    return {
        "scores": [
            {"name": name, "valueFrom": {"path": f"/run/slipway/out/scores/{name}", "default": ""}} for name in names
        ],
        "gauges": [_gauge(environment, model, name) for name in names],
    }


def _gauge(environment: str, model: str, name: str) -> dict[str, Any]:
    value = f"{{{{outputs.parameters.{name}}}}}"
    labels = {"environment": environment, "metric": name, "model": model}
    return {
        "name": GAUGE,
        "help": "A metric of the version that was published last, on rows that it was not trained on",
        "labels": [{"key": key, "value": text} for key, text in labels.items()],
        "when": f"'{value}' != ''",
        "gauge": {"realtime": False, "value": value},
    }


BASE = "workflows/train"
"""Where the platform engineer says what every training looks like."""

_FILES = {
    "WorkflowTemplate": "template.yaml",
    "Workflow": "workflow.yaml",
    "CronWorkflow": "cron.yaml",
    "Service": "service.yaml",
}
_READER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def values(environment: str, model: str, namespace: str, training: Training) -> dict[str, Any]:
    """What a training decides, as `workflows/train/kustomization.yaml` refers to it.

    Variables of the environment are strings in Kubernetes, so the deployed version is given as text, "" for none.
    Raises `SlipwayError` for text that Argo would take for an expression of its own.
    """
    own: dict[str, Any] = {
        "name": f"train-{model}",
        "workflow": name_of(model, training),
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
        "announcing": announcing(training.announce),
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
    # The branch is one of the variables, and the one that anybody names.
    for key, value in {"branch": training.branch, **own}.items():
        if "{{" in str(value):
            fix = "give the branch another name" if key == "branch" else "take the braces out of it"
            raise SlipwayError(f"the {key} {value!r} holds {{{{, which Argo would evaluate", fix=fix)
    # By the environment and not among the arguments, as it is what the steps said.
    failures = {"name": "SLIPWAY_FAILURES", "value": "{{workflow.failures}}"}
    return own | {"announcing": [failures, *own["announcing"]]} | gauges(environment, model, training.scores)


def _variables(model: str, namespace: str, training: Training) -> list[dict[str, Any]]:
    """What every step sees; the run is named by a label that Argo gives its pods."""
    told = {
        **training.variables,
        "SLIPWAY_COMMIT": training.commit,
        "SLIPWAY_BRANCH": training.branch,
        "SLIPWAY_DECLARED": training.created,
        "SLIPWAY_DEPLOYED": str(training.deployed or ""),
        "SLIPWAY_DEPLOYED_AT": f"http://{model}.{namespace}.svc.cluster.local",
    }
    run = {"fieldRef": {"fieldPath": "metadata.labels['workflows.argoproj.io/workflow']"}}
    return [
        *({"name": name, "value": value} for name, value in sorted(told.items())),
        {"name": "SLIPWAY_RUN", "valueFrom": run},
    ]


def files(
    base: Mapping[str, bytes], environment: str, model: str, namespace: str, training: Training, root: Path
) -> dict[str, bytes]:
    """All files of the folder by their path in it; `base` are those of `workflows/train` in the commit it is made from.

    Raises `SlipwayError` when kustomize is missing, refuses the base, or makes no workflow of this training out of it.
    """
    own = {path: content for path, content in base.items() if not path.startswith(f"{training_service.PART}/")}
    rendered = rendering.fill(BASE, own, "Training", values(environment, model, namespace, training), root)
    manifests: dict[str, bytes] = {}
    # A line of three dashes cannot be within a document.
    for content in rendered.split(b"\n---\n"):
        document = yaml.load(content, _READER)  # noqa: S506 - a safe loader
        name = _FILES.get(document["kind"])
        if name in (None, _FILES["Service"]):
            fix = f"take it out of {BASE}/kustomization.yaml; what the namespace needs is in manifests/"
            raise SlipwayError(f"{BASE} renders a {document['kind']}, which no training has", fix=fix)
        if name != _FILES["CronWorkflow"] or training.schedule:
            manifests[name] = documents.HEADER.encode() + content.rstrip() + b"\n"
            _check(document, model, training)
    if missing := {"template.yaml", "workflow.yaml"} - manifests.keys():
        raise SlipwayError(f"{BASE} renders no {' and no '.join(sorted(missing))}", fix=f"git log -- {BASE}")
    if training.service is not None:
        manifests[_FILES["Service"]] = training_service.manifest(base, environment, model, training, root)
    return {
        **manifests,
        KUSTOMIZATION: documents.format(_kustomization(model, namespace, manifests)),
        RECORD: documents.format(msgspec.to_builtins(training)),
    }


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
    defaults = document["spec"].get("templateDefaults", {}).get("container", {})
    image = kind != "WorkflowTemplate" or defaults.get("image") == training.image
    if name != expected or not image:
        lacks = "" if image else f" with the image {training.image}"
        raise SlipwayError(
            f"{BASE} renders no {kind} {expected}{lacks}",
            fix=f"look at the replacements in {BASE}/kustomization.yaml; git log -- {BASE}",
        )
