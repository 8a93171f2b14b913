"""The function that starts a model's trainings over HTTP, as it is declared beside them."""

import json
import subprocess
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import yaml
from msgspec import Struct, field

from slipway.environment import SOURCE, compile_lock, python_for
from slipway.errors import SlipwayError
from slipway.overlays import documents
from slipway.release import render

if TYPE_CHECKING:
    from pathlib import Path

    from slipway.release.workflow import Training
    from slipway.settings import Settings

__all__ = ["PART", "TrainingService", "is_wanted", "manifest", "name_of", "parameters", "values"]

PART = "service"
"""The folder within `workflows/train` that it is rendered from."""

_READER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# Runs in the model's own environment, as its class may import anything; what it prints on the way is not ours.
_ASK = """
import sys, msgspec
from pathlib import Path
from slipway import discovery, errors, settings
root, model = Path(sys.argv[1]), sys.argv[2]
try:
    found = settings.load(root)
    default = dict(discovery.load_class(found, model).parameters)
except errors.SlipwayError as error:
    sys.exit(str(error))
given = found.model(model).parameters
print()
print(msgspec.json.encode({name: type(value)(given.get(name, value)) for name, value in default.items()}).decode())
"""


class TrainingService(Struct, frozen=True, kw_only=True):
    """What the record of a declared training has of its service; keys of a newer writer are passed over."""

    parameters: dict[str, bool | int | float | str] = field(default_factory=dict)
    """The model's own, with the values that they have unless given."""


def is_wanted(settings: "Settings", model: str) -> bool:
    """Whether a model has a training service: where it is trained elsewhere, there is nothing to start."""
    of = settings.model(model)
    return "training" in of.services and of.train == "declared"


def name_of(model: str) -> str:
    """`iris-training`: no release of a model is called so."""
    return f"{model}-training"


def parameters(settings: "Settings", model: str) -> dict[str, bool | int | float | str]:
    """The model's parameters with the values that they have unless given, asked of its class in its own environment.

    Raises `SlipwayError` when the class cannot be loaded.
    """
    python = python_for(compile_lock(settings, model, "train"))
    done = subprocess.run(
        [str(python), "-P", "-c", _ASK, str(settings.root), model],
        env={"PYTHONPATH": SOURCE, "PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        said, _, fix = done.stderr.strip().partition("\n  → ")
        problem = f"the parameters of {model} cannot be read: {said.rpartition('Error: ')[2]}"
        raise SlipwayError(problem, fix=fix or f"slipway train {model} says more")
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=dict[str, bool | int | float | str])


def values(environment: str, model: str, training: "Training", service: TrainingService) -> dict[str, Any]:
    """What it decides, as `workflows/train/service/kustomization.yaml` refers to it."""
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
        "variables": [{"name": name, "value": value} for name, value in sorted(variables.items())],
    }


def manifest(base: Mapping[str, bytes], environment: str, model: str, training: "Training", root: "Path") -> bytes:
    """The Knative Service of a model's training service; `base` are the files of `workflows/train`.

    Raises `SlipwayError` when kustomize refuses the base, or makes no Service with the image out of it.
    """
    service = training.service
    if service is None:
        raise SlipwayError(f"{model} has no training service", fix=f"models.{model}.services: [predict, training]")
    place = f"workflows/train/{PART}"
    own = {path.removeprefix(f"{PART}/"): each for path, each in base.items() if path.startswith(f"{PART}/")}
    rendered = render.fill(place, own, "TrainingService", values(environment, model, training, service), root)
    _check(rendered, place, name_of(model), training.platform)
    return documents.HEADER.encode() + rendered.rstrip() + b"\n"


def _check(rendered: bytes, place: str, name: str, image: str) -> None:
    found = list(yaml.load_all(rendered, _READER))
    for document in found:
        of = (document["kind"], document["metadata"]["name"])
        images = [each.get("image") for each in document["spec"]["template"]["spec"]["containers"]]
        if len(found) == 1 and of == ("Service", name) and image in images:
            return
    problem = f"{place} renders something else than one Service {name} with the image {image}"
    raise SlipwayError(problem, fix=f"look at the replacements in {place}/kustomization.yaml; git log -- {place}")
