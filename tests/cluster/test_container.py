"""A model in another language: its container is released, routed, promoted and rolled back as every model is."""

import json
import os
import shutil
import subprocess
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from slipway.images import engines
from slipway.overlays.overlay import read_folder
from slipway.store import open_store
from tests.cluster.conftest import PATIENCE, Team, given
from tests.cluster.storage import ENVIRONMENTS, Storage

pytestmark = pytest.mark.long

HERE = Path(__file__).parent
MODELS = """models:
  leaves: {{image: "{image}", target: kind, train: runner, scale: {{max: 2, memory: 64Mi}}}}
"""
ROWS = [(1 + number / 10, 1 + number * 7 % 40 / 10) for number in range(60)]
BETWEEN = (3.5, 2.0)  # large with the limit 6, small with 8


class Leaves:
    """The team's model, which is a server in Go."""

    def __init__(self, team: Team, scratch: Path) -> None:
        self.team, self.scratch = team, scratch
        found = (team.root / "slipway.yaml").read_text()
        self.registry = found.partition("registry: ")[2].partition("}")[0]
        build = ["go", "build", "-trimpath", "-ldflags=-s -w", "-o", str(scratch / "leaves"), "main.go"]
        env = {**os.environ, "CGO_ENABLED": "0"}
        subprocess.run(build, cwd=HERE / "container", env=env, check=True)
        data = ["length,width,kind", *(f"{a},{b},{'large' if a * b > 6 else 'small'}" for a, b in ROWS)]
        folder = team.root / "model/leaves"
        folder.mkdir()
        (folder / "leaves.csv").write_text("\n".join(data) + "\n")

    def build(self, old: str = "", new: str = "") -> str:
        """Push an image of the server, as its own team would, with a change to its Dockerfile; returns its name."""
        text = (HERE / "container/Dockerfile").read_text()
        assert old in text
        (self.scratch / "Dockerfile").write_text(text.replace(old, new) if old else text)
        engine = engines.find()
        made = engine.build(self.scratch, "function", "scratch", {})
        return f"{self.registry}/leaves@{engine.push(made, f'{self.registry}/leaves:{self.team.namespace}')}"

    def declare(self, image: str) -> None:
        """Say in the settings which image it is."""
        text = (ENVIRONMENTS + MODELS).format(name=self.team.namespace, registry=self.registry, image=image)
        (self.team.root / "slipway.yaml").write_text(text)
        self.team.commit("Name the image of leaves")

    def publish(self, image: str) -> str:
        """The next version, trained as far as a container is; returns what was said."""
        self.declare(image)
        return self.team.slipway("train", "leaves")

    def release(self, *words: str) -> None:
        """Build and release, as the workflow does."""
        plan = str(self.scratch / f"plan-{len(list(self.scratch.glob('plan-*')))}")
        self.team.slipway("build", "leaves", "--to", plan, *words)
        self.team.slipway("release", "--built", plan)

    def names(self) -> list[str]:
        overlay = read_folder(self.team.root, "test", "leaves")
        assert overlay
        return [str(release.name) for release in overlay.releases]

    def sync(self) -> None:
        """Make the cluster what git says, what is gone from git last."""
        manifests = self.team._run("kustomize", "build", "overlays/test/leaves")
        pruned = [f"--prune-allowlist=serving.knative.dev/v1/{kind}" for kind in ("Service", "Route")]
        words = ["--namespace", self.team.namespace, "--prune", "--selector", "app.kubernetes.io/managed-by=slipway"]
        self.team.kubectl("apply", *words, *pruned, "--filename", "-", stdin=manifests)
        self.team.until(lambda: self.team.ready("route", "leaves"), "the route is ready")

    def ask(self, path: str, body: Any = None) -> Any:
        """What the route answers, through the cluster's ingress."""
        headers = {"Host": self.team.host("route", "leaves"), "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.team.ingress}{path}", data, headers)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def predict(self, length: float, width: float) -> tuple[str, str]:
        """What is predicted of a leaf, and by which version."""
        inputs = [
            {"name": name, "shape": [1], "datatype": "FP64", "data": [value]}
            for name, value in (("length", length), ("width", width))
        ]
        answer = self.ask("/v2/models/leaves/infer", {"inputs": inputs})
        return answer["outputs"][0]["data"][0], answer["model_version"]


@pytest.fixture(scope="module")
def leaves(team: Team, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Leaves]:
    if not shutil.which("go"):
        pytest.skip("the server is written in Go: install it from https://go.dev/dl")
    storage = Storage(given("STORAGE"))
    storage.make(team.namespace)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", storage.url)
        yield Leaves(team, tmp_path_factory.mktemp("leaves"))
    storage.remove(team.namespace)


def test_a_container_goes_from_image_to_answer(leaves: Leaves) -> None:
    """Held to the contract, published, released and routed; it says who it is, and answers through the route."""
    assert "published leaves/test/1" in leaves.publish(leaves.build())
    leaves.release()
    leaves.sync()
    [name] = leaves.names()
    assert leaves.ask("/v2") == {"name": "leaves/test/1", "version": name, "extensions": []}
    assert leaves.predict(*BETWEEN) == ("large", "1")


def test_a_verified_container_is_promoted(leaves: Leaves) -> None:
    """The Job holds it to its golden predictions, where it runs; the pull request names the same image."""
    [name] = leaves.names()
    store = open_store(f"gs://{leaves.team.namespace}/test", root=leaves.team.root, environment="test")
    leaves.team.until(lambda: store.verified("leaves", name) is not None, "the release is verified")
    assert "is verified since" in leaves.team.slipway("verify", name)
    leaves.team.slipway("promote", "leaves", "--to", "prod", "--branch", "promotion")
    leaves.team.slipway("check", "--base", "main", "--head", "promotion")
    shown = leaves.team._run("git", "grep", "-h", "image: ", "promotion", "--", "overlays/prod/leaves/*/record.yaml")
    assert shown == leaves.team._run("git", "grep", "-h", "image: ", "main", "--", "overlays/test/leaves/*/record.yaml")


def test_a_second_image_shares_the_requests_until_it_is_rolled_back(leaves: Leaves) -> None:
    """It is a version and a release of its own; the first one answers as before when it is gone."""
    first = leaves.names()[0]
    assert "published leaves/test/2" in leaves.publish(leaves.build("LIMIT=6", "LIMIT=8"))
    leaves.release("--traffic", "50")
    leaves.sync()
    answers = Counter(leaves.predict(*BETWEEN) for _ in range(60))
    assert set(answers) == {("large", "1"), ("small", "2")}
    leaves.team.slipway("rollback", "leaves", "--env", "test", "--to", "1", "--reason", "8 is too much")
    leaves.sync()
    leaves.team.until(
        lambda: {leaves.predict(*BETWEEN) for _ in range(10)} == {("large", "1")}, "only the first answers"
    )
    assert leaves.names() == [first]


def test_what_a_container_lacks_is_told_at_once(leaves: Leaves) -> None:
    """Nothing of it is published."""
    leaves.declare(leaves.build("USER 65532:65532", "USER 0"))
    words = ["slipway", "train", "leaves"]
    done = subprocess.run(words, cwd=leaves.team.root, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "does not keep the contract:\n  it runs as '0'" in done.stderr
    assert "leaves/test/3" not in leaves.team.slipway("versions", "leaves")
