"""The values that a training and its service fill into `workflows/train`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from slipway.errors import SlipwayError
from slipway.gitops.release_values import announcement, variables
from slipway.models.discovery import run_name
from slipway.overlays.types import USUAL_SCORES, Training
from slipway.settings import Settings

GAUGE = "slipway_training_score"
"""The gauge; Argo's controller serves it as `argo_workflows_slipway_training_score{model, environment, metric}`."""

# Argo's rule for names of parameters.
_NAME = re.compile(r"[A-Za-z0-9_-]{1,60}")


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
