"""A team's repository whose releases run on a real cluster, and how its functions are called there."""

import json
import os
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MODEL = '''
from slipway.model import Model


class Coin(Model):
    """Says the same whatever it is asked, so that an answer tells which release gave it."""

    source_features = ["number"]
    target_variable = "side"
    parameters = {"side": "heads"}

    def train(self, data):
        self.side = self.parameters["side"]

    def predict(self, rows):
        return [self.side for row in rows]
'''
PATIENCE = 180  # seconds: an image is pulled and started on a machine that may be busy


def pytest_collection_modifyitems(items: "list[pytest.Item]") -> None:
    """Leave clusters alone unless asked: KUBECONFIG may point to one that matters."""
    if os.environ.get("SLIPWAY_TEST_CLUSTER") != "1":
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="needs a cluster: make test-cluster"))


class Team:
    """A clone of this repository with the model `coin`, a namespace and a registry of its own."""

    def __init__(self, root: Path, registry: str, ingress: str) -> None:
        self.root, self.ingress = root, ingress
        self.namespace = f"slipway-{uuid.uuid4().hex[:8]}"
        self._run("git", "clone", "--quiet", str(ROOT), str(root), cwd=root.parent)
        self._run("git", "checkout", "--quiet", "-B", "main")
        for name, value in (("user.name", "Team"), ("user.email", "team@example.com")):
            self._run("git", "config", name, value)
        (root / "slipway.yaml").write_text(
            f"environments:\n  test: {{store: .slipway/store, namespace: {self.namespace}, registry: {registry}}}\n"
            "models:\n  coin: {train: manual, scale: {max: 2, memory: 256Mi}}\n"
        )
        folder = root / "model" / "coin"
        folder.mkdir()
        (folder / "model.py").write_text(MODEL)
        (folder / "requirements.txt").write_text("")
        (folder / "test_model.py").write_text("def test_it_has_two_sides():\n    assert {'heads', 'tails'}\n")
        rows = [f"{number},{('heads', 'tails')[number % 2]}" for number in range(40)]
        (folder / "coin.csv").write_text("\n".join(["number,side", *rows]) + "\n")
        self.commit("Add coin")
        self.kubectl("create", "namespace", self.namespace)
        self.kubectl("label", "namespace", self.namespace, "pod-security.kubernetes.io/enforce=restricted")

    def slipway(self, *words: str) -> str:
        return self._run("slipway", *words)

    def commit(self, message: str) -> None:
        self._run("git", "add", "--all")
        self._run("git", "commit", "--quiet", "--message", message)

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        return self._run("kubectl", *words, stdin=stdin)

    def sync(self) -> None:
        """Make the cluster what git says, what is gone from git last."""
        manifests = self._run("kustomize", "build", "overlays/test/coin")
        pruned = [f"--prune-allowlist=serving.knative.dev/v1/{kind}" for kind in ("Service", "Route")]
        selector = "app.kubernetes.io/managed-by=slipway"
        self.kubectl(
            *("apply", "--namespace", self.namespace, "--prune", "--selector", selector, *pruned, "--filename", "-"),
            stdin=manifests,
        )
        self.until(lambda: self.ready("route", "coin"), "the route is ready")

    def ready(self, kind: str, name: str) -> bool:
        """Whether a Knative object is ready as it is declared now."""
        found = json.loads(self.kubectl("get", f"{kind}.serving.knative.dev", name, "-n", self.namespace, "-o", "json"))
        status = found.get("status", {})
        conditions = {condition["type"]: condition["status"] for condition in status.get("conditions", [])}
        current = status.get("observedGeneration") == found["metadata"]["generation"]
        return current and conditions.get("Ready") == "True"

    def pods(self) -> int:
        """How many pods the functions are meant to have."""
        found = json.loads(self.kubectl("get", "deployments", "-n", self.namespace, "-o", "json"))
        return sum(item["spec"]["replicas"] for item in found["items"])

    def ask(self) -> dict[str, Any]:
        """One prediction, through the cluster's ingress."""
        url = self.kubectl(
            "get", "route.serving.knative.dev", "coin", "-n", self.namespace, "-o", "jsonpath={.status.url}"
        )
        headers = {"Host": url.split("://")[1], "Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.ingress}/predict", b'{"number": 1}', headers)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for a condition; fails with the cluster's events when it does not come."""
        deadline = time.monotonic() + PATIENCE
        while not holds():
            if time.monotonic() > deadline:
                events = self.kubectl("get", "events,pods", "-n", self.namespace)
                pytest.fail(f"waited {PATIENCE} s in vain until {what}:\n{events}")
            time.sleep(0.5)

    def _run(self, *command: str, cwd: Path | None = None, stdin: str | None = None) -> str:
        done = subprocess.run(command, cwd=cwd or self.root, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.fail(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        return done.stdout


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    """The team, gone from the cluster afterwards."""
    settings = {name: os.environ.get(f"SLIPWAY_TEST_{name}") for name in ("REGISTRY", "INGRESS")}
    if missing := [f"SLIPWAY_TEST_{name}" for name, value in settings.items() if not value]:
        pytest.fail(f"{' and '.join(missing)} not set: see tests/cluster/README.md")
    made = Team(tmp_path_factory.mktemp("team") / "repository", settings["REGISTRY"], settings["INGRESS"])
    yield made
    made.kubectl("delete", "namespace", made.namespace, "--wait=false")
