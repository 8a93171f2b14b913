"""The health of our kinds: Argo CD's own interpreter runs the scripts that an administrator gives it."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.argocd import ROOT

pytestmark = pytest.mark.long


def health(folder: Path, item: dict[str, Any]) -> str:
    """The health of an object, as `argocd` says it."""
    patch = yaml.safe_load((ROOT / "manifests/argocd/health.yaml").read_text())
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "argocd-cm", "namespace": "argocd"}}
    (folder / "argocd-cm.yaml").write_text(yaml.safe_dump(settings | patch))
    (folder / "object.yaml").write_text(yaml.safe_dump(item))
    command = ["argocd", "admin", "settings", "resource-overrides", "health", str(folder / "object.yaml")]
    said = subprocess.run(
        [*command, "--argocd-cm-path", str(folder / "argocd-cm.yaml")], capture_output=True, text=True, check=True
    ).stdout
    return said.partition("STATUS:")[2].split()[0]


def route(ready: str | None, generation: int = 2, observed: int = 2) -> dict[str, Any]:
    conditions = [{"type": "AllTrafficAssigned", "status": "True"}]
    if ready:
        conditions.append({"type": "Ready", "status": ready, "reason": "RevisionMissing", "message": "not there"})
    return {
        "apiVersion": "serving.knative.dev/v1",
        "kind": "Route",
        "metadata": {"name": "iris", "namespace": "slipway-test", "generation": generation},
        "status": {"observedGeneration": observed, "conditions": conditions},
    }


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (route("True"), "Healthy"),
        (route("False"), "Degraded"),
        (route("Unknown"), "Progressing"),
        (route(None), "Progressing"),
        (route("True", observed=1), "Progressing"),
        (route("False", observed=1), "Progressing"),
        ({key: value for key, value in route("True").items() if key != "status"}, "Progressing"),
    ],
)
def test_a_route_is_as_healthy_as_what_is_declared_now(tmp_path: Path, found: dict[str, Any], expected: str) -> None:
    """Not ready is not healthy, and what Knative said of an older declaration does not count."""
    assert health(tmp_path, found) == expected


def job(component: str, condition: str | None) -> dict[str, Any]:
    conditions = [{"type": condition, "status": "True", "message": "for a reason"}] if condition else []
    labels = {"app.kubernetes.io/component": component}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "verify", "namespace": "slipway-test", "labels": labels},
        "status": {"conditions": conditions},
    }


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (job("verification", None), "Healthy"),
        (job("verification", "Complete"), "Healthy"),
        (job("verification", "Failed"), "Degraded"),
        (job("theirs", None), "Progressing"),
        (job("theirs", "Complete"), "Healthy"),
        (job("theirs", "Failed"), "Degraded"),
        (job("theirs", "Suspended"), "Suspended"),
    ],
)
def test_nothing_waits_for_a_verification(tmp_path: Path, found: dict[str, Any], expected: str) -> None:
    """One under way is healthy, so that a sync goes on; one that failed is not, and other Jobs are as ever."""
    assert health(tmp_path, found) == expected
