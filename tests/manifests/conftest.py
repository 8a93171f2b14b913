"""Kustomize, JSON schemas and a rendered release for the tests of manifests."""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway import digests, settings
from slipway.gitops import release_folder
from slipway.overlays.types import ReleaseRecord
from slipway.settings import ModelSettings
from tests import tools

ROOT = Path(__file__).parents[2]
# Those of the team whose repository this is.
ENVIRONMENTS = sorted(
    (path.name for path in (ROOT / "manifests/environments").iterdir() if path.name != "base"), reverse=True
)
# Where trainings run; the others take what these have verified.
TRAINING = [name for name in ENVIRONMENTS if settings.load(ROOT).environment(name).promotes_from is None]
FUNCTION = ROOT / "manifests/function"
BASE = {path: file.read_bytes() for path, file in digests.walk(FUNCTION).items()}
KUSTOMIZE = "sigs.k8s.io/kustomize/kustomize/v5@v5.7.1"
KUBECONFORM = "github.com/yannh/kubeconform/cmd/kubeconform@v0.7.0"


@pytest.fixture(autouse=True)
def kustomize(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put kustomize on the PATH."""
    folder = Path(tools.find("kustomize", KUSTOMIZE)).parent
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture(scope="session")
def schemas() -> Path:
    """Return a folder of JSON schemas, one for each kind: SLIPWAY_SCHEMAS or the repository's own."""
    return Path(os.environ.get("SLIPWAY_SCHEMAS") or ROOT / "manifests/schemas")


def conform(content: bytes, schemas: Path) -> dict[str, int]:
    """Return the numbers of valid, invalid, erroneous and skipped objects."""
    tool = shutil.which("kubeconform") or tools.find("kubeconform", KUBECONFORM)
    location = f"{schemas}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    command = [tool, "-strict", "-summary", "-output", "json", "-schema-location", location]
    done = subprocess.run(command, input=content, capture_output=True, check=False)
    summary: dict[str, int] = json.loads(done.stdout)["summary"]
    return summary


def record(model: str = "iris", version: int = 7, short: str = "1a2b3c4d") -> ReleaseRecord:
    return ReleaseRecord(
        release=f"v{version}-{short}",
        version=version,
        model_id=f"{model}/test/{version}",
        fingerprint=short * 8,
        image=f"unbuilt.invalid/{model}@sha256:{short * 8}",
        artifact="0" * 64,
        commit="0" * 40,
        created="2026-11-21T10:00:00Z",
        by="Ada <ada@example.org>",
    )


def rendered(own: ModelSettings | None = None, **names: Any) -> bytes:
    of = record(**names)
    return release_folder.manifests(BASE, of.model_id.split("/")[0], of, own or ModelSettings(), ROOT)


def service(own: ModelSettings | None = None, **names: Any) -> dict[str, Any]:
    [document] = yaml.safe_load_all(rendered(own, **names))
    assert isinstance(document, dict)
    return document
