"""What the cluster needs of each environment: its part of `manifests/`, and the Secrets that nobody writes into git."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from slipway.cli.doctor import Finding, missing, ok, unknown
from slipway.settings import FILE, Settings
from slipway.settings.types import secrets_for
from slipway.text import listed

_ARGOCD = "manifests/argocd/kustomization.yaml"
_README = "manifests/README.md, Another environment"


def manifests(settings: Settings) -> Iterator[Finding]:
    """Check that Argo CD follows each environment, in the namespace that the settings name."""
    if not (settings.root / _ARGOCD).is_file():
        return
    followed = _read(settings.root / _ARGOCD).get("resources") or []
    for name, environment in settings.environments.items():
        path = f"manifests/environments/{name}/settings/environment.yaml"
        spec = _read(settings.root / path).get("spec") or {}
        wanted = {"name": name, "namespace": environment.namespace}
        wrong = [f"{key}: {value}" for key, value in wanted.items() if spec.get(key) != value]
        if wrong:
            yield missing("cluster", f"{path} does not say {' and '.join(wrong)}", f"write it ({_README})")
        elif name not in followed or not (settings.root / f"manifests/argocd/{name}/kustomization.yaml").is_file():
            fix = f"make manifests/argocd/{name}, and name it in {_ARGOCD} ({_README})"
            yield missing("cluster", f"Argo CD does not follow {name}, which {FILE} names", fix)
        else:
            yield ok("cluster", f"manifests/argocd has {name}, in the namespace {environment.namespace}")


def secrets(settings: Settings) -> Iterator[Finding]:
    """Name the Secrets that each environment needs: only the cluster knows whether they are there."""
    for name, environment in settings.environments.items():
        if wanted := sorted({*_secrets(settings, name)}):
            what = f"whether {environment.namespace} has the Secrets that {name} needs: {listed(wanted, 20)}"
            yield unknown("cluster", what, f"kubectl get secrets -n {environment.namespace} {' '.join(wanted)}")


def _secrets(settings: Settings, environment: str) -> Iterator[str]:
    at = settings.environments[environment]
    if at.announce is not None:
        yield at.announce.secret
    for model in settings.models():
        of = settings.model(model).within(environment)
        if of.access.kind != "none":
            yield of.access.secret or f"{model}-access"
        trains = at.promotes_from is None
        used = of.secrets if trains else secrets_for(of.secrets, "serving")
        yield from (each.secret for each in used.values())
        if trains and "training" in of.services:
            yield of.training.access or f"{model}-training"


def _read(path: Path) -> dict[str, Any]:
    """Return the content of a file; empty where it is absent or no YAML."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return found if isinstance(found, dict) else {}
