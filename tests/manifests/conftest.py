"""The tools that render manifests and hold them to schemas."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import tools

ROOT = Path(__file__).parents[2]
KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1"
KUBECONFORM = "github.com/yannh/kubeconform/cmd/kubeconform@v0.7.0"


@pytest.fixture(autouse=True)
def kustomize(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kustomize is on the PATH."""
    folder = Path(tools.find("kustomize", KUSTOMIZE)).parent
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture(scope="session")
def schemas() -> Path:
    """A folder of JSON schemas, one a kind: of SLIPWAY_SCHEMAS, or the repository's own."""
    return Path(os.environ.get("SLIPWAY_SCHEMAS") or ROOT / "manifests/schemas")


def conform(content: bytes, schemas: Path) -> dict[str, int]:
    """How many of the objects are valid, invalid, in error and skipped."""
    tool = shutil.which("kubeconform") or tools.find("kubeconform", KUBECONFORM)
    location = f"{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    command = [tool, "-strict", "-summary", "-output", "json", "-schema-location", location]
    done = subprocess.run(command, input=content, capture_output=True, check=False)
    summary: dict[str, int] = json.loads(done.stdout)["summary"]
    return summary
