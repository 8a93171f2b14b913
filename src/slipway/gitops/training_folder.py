"""The files of a declared training: `overlays/<environment>/<model>/training/`, rendered whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from slipway.errors import SlipwayError
from slipway.gitops import parts, rendering, training_service
from slipway.gitops.training_record import USUAL, Training
from slipway.models.training_digest import run_name
from slipway.overlays import documents
from slipway.overlays.overlay import KUSTOMIZATION, RECORD

__all__ = ["BASE", "GAUGE", "files", "gauges", "measured", "values"]

GAUGE = "slipway_training_score"
"""The gauge; Argo's controller serves it as `argo_workflows_slipway_training_score{model, environment, metric}`."""

# Argo's rule for names of parameters.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")


def measured(gates: Iterable[str]) -> list[str]:
    """Return the metrics that get a gauge: the usual ones, and the model's own ones that a gate names."""
    return sorted({*USUAL, *(name for name in gates if _NAME.fullmatch(name))})


def gauges(environment: str, model: str, names: Iterable[str]) -> dict[str, list[Mapping[str, Any]]]:
    """Return the output parameters of the last step, and the gauges that show them.

    A metric that the model does not have leaves an empty parameter, and its gauge is not written.
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
"""The folder that every training is rendered from."""

_FILES = {
    "WorkflowTemplate": "template.yaml",
    "Workflow": "workflow.yaml",
    "CronWorkflow": "cron.yaml",
    "Service": "service.yaml",
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
        "announcing": parts.announcement(training.announce),
        # Kustomize treats an empty list as a missing one.
        "schedules": [training.schedule or ""],
        "fit": [
            {"name": "SLIPWAY_MODEL", "value": model},
            *(
                {"name": variable, "valueFrom": {"secretKeyRef": {"name": each.secret, "key": each.key}}}
                for variable, each in sorted(training.secrets.items())
            ),
        ],
    }
    # The branch comes first, as anybody can choose its name; the variables contain it too.
    for key, value in {"branch": training.branch, **own}.items():
        if "{{" in str(value):
            fix = "give the branch another name" if key == "branch" else "take the braces out of it"
            raise SlipwayError(f"the {key} {value!r} holds {{{{, which Argo would evaluate", fix=fix)
    # An environment variable and no argument, since the steps decide its text.
    failures = {"name": "SLIPWAY_FAILURES", "value": "{{workflow.failures}}"}
    return own | {"announcing": [failures, *own["announcing"]]} | gauges(environment, model, training.scores)


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
    return [
        *parts.variables(told),
        {"name": "SLIPWAY_RUN", "valueFrom": run},
    ]


def files(
    base: Mapping[str, bytes], environment: str, model: str, namespace: str, training: Training, root: Path
) -> dict[str, bytes]:
    """Return all files of the folder by their path in it; `base` are the files of `workflows/train` in its commit.

    Raise `SlipwayError` when kustomize is missing or fails, or when it renders no workflow of this training.
    """
    own = {path: content for path, content in base.items() if not path.startswith(f"{training_service.PART}/")}
    rendered = rendering.fill(BASE, own, "Training", values(environment, model, namespace, training), root)
    manifests: dict[str, bytes] = {}
    # A line of three dashes only occurs between documents.
    for content in rendered.split(b"\n---\n"):
        [document] = rendering.parse(content)
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
    # The template is created first: a workflow that does not find it fails at once.
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
    """Raise `SlipwayError` when a workflow has another name, or does not run the trainer."""
    kind, name = document["kind"], document["metadata"]["name"]
    expected = run_name(model, training.digest) if kind == "Workflow" else f"train-{model}"
    defaults = document["spec"].get("templateDefaults", {}).get("container", {})
    image = kind != "WorkflowTemplate" or defaults.get("image") == training.image
    if name != expected or not image:
        lacks = "" if image else f" with the image {training.image}"
        raise SlipwayError(
            f"{BASE} renders no {kind} {expected}{lacks}",
            fix=f"look at the replacements in {BASE}/kustomization.yaml; git log -- {BASE}",
        )
