"""The training service: the function that starts a model's trainings over HTTP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slipway.errors import SlipwayError
from slipway.gitops import parts, rendering
from slipway.gitops.training_record import Training, TrainingService
from slipway.overlays import documents
from slipway.settings import Settings

__all__ = ["PART", "is_wanted", "manifest", "name_of", "values"]

PART = "service"
"""The folder in `workflows/train` that the training service is rendered from."""


def is_wanted(settings: Settings, model: str) -> bool:
    """Return whether a model has a training service; it needs trainings that are declared in git."""
    of = settings.model(model)
    return "training" in of.services and of.train == "declared"


def name_of(model: str) -> str:
    """Return the name of the service, such as `iris-training`; no release has such a name."""
    return f"{model}-training"


def values(environment: str, model: str, training: Training, service: TrainingService) -> dict[str, Any]:
    """Return the values of the service for `workflows/train/service/kustomization.yaml`."""
    labels = {"app.kubernetes.io/component": "training-service", "app.kubernetes.io/name": model}
    if training.settings.visibility == "cluster-local":
        labels["networking.knative.dev/visibility"] = "cluster-local"
    variables = {
        **training.variables,
        "HOME": "/scratch",
        "SLIPWAY_ACCESS": "/etc/slipway/access",
        "SLIPWAY_CLUSTER": "/var/run/secrets/slipway",
        "SLIPWAY_ENVIRONMENT": environment,
        "SLIPWAY_MODEL": model,
        "SLIPWAY_PARAMETERS": json.dumps(service.parameters, sort_keys=True),
        "SLIPWAY_STORE": training.store,
        "TMPDIR": "/scratch",
    }
    return {
        "name": name_of(model),
        "model": model,
        "labels": labels,
        "image": training.platform,
        "access": training.settings.access or name_of(model),
        "variables": parts.variables(variables),
    }


def manifest(base: Mapping[str, bytes], environment: str, model: str, training: Training, root: Path) -> bytes:
    """Return the Knative Service of a model's training service; `base` are the files of `workflows/train`.

    Raise `SlipwayError` when kustomize fails, or renders anything else than one Service with the image.
    """
    service = training.service
    if service is None:
        raise SlipwayError(f"{model} has no training service", fix=f"models.{model}.services: [predict, training]")
    place = f"workflows/train/{PART}"
    own = {path.removeprefix(f"{PART}/"): each for path, each in base.items() if path.startswith(f"{PART}/")}
    rendered = rendering.fill(place, own, "TrainingService", values(environment, model, training, service), root)
    _check(rendered, place, name_of(model), training.platform)
    return documents.HEADER.encode() + rendered.rstrip() + b"\n"


def _check(rendered: bytes, place: str, name: str, image: str) -> None:
    found = rendering.parse(rendered)
    there = [container for each in found for container in rendering.containers(each, "Service", name)]
    if len(found) == 1 and image in [container.get("image") for container in there]:
        return
    problem = f"{place} renders something else than one Service {name} with the image {image}"
    raise SlipwayError(problem, fix=f"look at the replacements in {place}/kustomization.yaml; git log -- {place}")
