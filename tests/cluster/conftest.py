"""A team's repository whose releases run on a real cluster, and how its functions are called there."""

import json
import os
import shutil
import subprocess
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from slipway.store import Store, open_store
from tests.cluster import environment
from tests.cluster.storage import ENVIRONMENTS, Storage

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
MODELS = """models:
  coin: {{train: manual, scale: {{max: 2, memory: 256Mi}}}}
"""
NEEDED = ("SLIPWAY_TEST_REGISTRY", "SLIPWAY_TEST_INGRESS")
PATIENCE = 180  # seconds: an image is pulled and started on a machine that may be busy


def pytest_configure(config: pytest.Config) -> None:
    """Where a cluster is asked for, say at once what is missing, instead of once a test."""
    if os.environ.get("SLIPWAY_TEST_CLUSTER") == "1" and not hasattr(config, "workerinput") and (problem := _problem()):
        fix = "`make cluster` starts a cluster and says how to go on; for one of your own see tests/cluster/README.md"
        raise pytest.UsageError(f"{problem}: {fix}")


def _problem() -> str:
    """Why no test can run; empty when nothing is in their way."""
    if missing := [name for name in NEEDED if not os.environ.get(name)]:
        return f"no cluster to test on: {' and '.join(missing)} not set"
    if absent := [name for name in ("kubectl", "argo") if not shutil.which(name)]:
        return f"{' and '.join(absent)} missing"
    asked = ["kubectl", "get", "--raw", "/readyz", "--request-timeout", "20s"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False)
    said = answer.stderr.strip().splitlines()[-1:]
    return f"the cluster of KUBECONFIG does not answer ({''.join(said)})" if answer.returncode else ""


def pytest_collection_modifyitems(items: "list[pytest.Item]") -> None:
    """Leave clusters alone unless asked: KUBECONFIG may point to one that matters. The story, the longest, is first."""
    items.sort(key=lambda item: item.path.name != "test_story.py")
    if os.environ.get("SLIPWAY_TEST_CLUSTER") != "1":
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="needs a cluster: make test-cluster"))


def given(name: str) -> str:
    """What the variable SLIPWAY_TEST_`name` says; where it is not set, the test is skipped, or fails in CI."""
    if found := os.environ.get(f"SLIPWAY_TEST_{name}"):
        return found
    reason = f"SLIPWAY_TEST_{name} not set: see tests/cluster/README.md"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


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
        environment.apply(self.kubectl, root / "manifests/environments", self.namespace)
        self.commit("Add coin")

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

    def host(self, kind: str, name: str) -> str:
        """The name under which a Knative object is called from outside."""
        words = ("get", f"{kind}.serving.knative.dev", name, "-n", self.namespace, "-o", "jsonpath={.status.url}")
        return self.kubectl(*words).split("://")[1]

    def ask(self) -> dict[str, Any]:
        """One prediction, through the cluster's ingress."""
        headers = {"Host": self.host("route", "coin"), "Content-Type": "application/json"}
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
    made = Team(tmp_path_factory.mktemp("team") / "repository", *(os.environ[name] for name in NEEDED))
    yield made
    environment.leave(made.kubectl, made.namespace)


@pytest.fixture(scope="module")
def store(team: Team) -> Iterator[Store]:
    """The store of the team's test environment, in a bucket of the cluster's emulator."""
    storage = Storage(given("STORAGE"))
    settings = team.root / "slipway.yaml"
    registry = settings.read_text().partition("registry: ")[2].partition("}")[0]
    settings.write_text((ENVIRONMENTS + MODELS).format(name=team.namespace, registry=registry))
    team.commit("Keep the store in a bucket")
    storage.make(team.namespace)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", storage.url)
        yield open_store(f"gs://{team.namespace}/test", root=team.root, environment="test")
