"""A team whose repository Argo CD follows: it only commits and pushes, and looks at what becomes of it."""

import json
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

__all__ = ["PATIENCE", "ROOT", "Followed"]

ROOT = Path(__file__).parents[2]
MANIFESTS = Path("manifests")
PATIENCE = 300  # seconds: images are pulled and started on a machine that may be busy
MODEL = '''
import os

from slipway.model import Model

IN_CLUSTER = "KUBERNETES_SERVICE_HOST" in os.environ


class Coin(Model):
    """Says the same whatever it is asked, so that an answer tells which release gave it."""

    source_features = ["number"]
    target_variable = "side"
    side = "heads"  # heads

    def train(self, data):
        pass

    def predict(self, rows):
        return [self.side for row in rows]
'''


class Followed:
    """A clone of this repository with environments, namespaces and Applications of its own names.

    `environments` are by what they are for (`test`, `prod`); the models `coin` and `dice` say the same.
    """

    def __init__(self, root: Path, registry: str, git: str) -> None:
        mark = uuid.uuid4().hex[:6]
        self.root, self.remote = root, f"{git}/slipway-{mark}.git"
        self.environments = {"test": f"t{mark}", "prod": f"p{mark}"}
        self.namespaces = {use: f"slipway-{name}" for use, name in self.environments.items()}
        self.replaced: dict[str, str | None] = {}
        self._run("git", "clone", "--quiet", str(ROOT), str(root), cwd=root.parent)
        self._run("git", "checkout", "--quiet", "-B", "main")
        self._run("git", "remote", "set-url", "origin", self.remote)
        for name, value in (("user.name", "Team"), ("user.email", "team@example.com")):
            self._run("git", "config", name, value)
        self._settings(registry)
        self._manifests(f"http://git.git.svc.cluster.local/slipway-{mark}.git")
        for model in ("coin", "dice"):
            self._model(model)
        self.commit("Make the repository ours")
        self.push()

    def _settings(self, registry: str) -> None:
        test, prod = self.environments.values()
        own = "{train: manual, scale: {max: 2, memory: 256Mi}}"
        prod_takes = f"promotes_from: {test}"
        self.write(
            "slipway.yaml",
            "environments:\n"
            f"  {test}: {{store: .slipway/test, namespace: slipway-{test}, registry: {registry}}}\n"
            f"  {prod}: {{store: .slipway/prod, namespace: slipway-{prod}, registry: {registry}, {prod_takes}}}\n"
            f"models:\n  coin: {own}\n  dice: {own}\n",
        )

    def _manifests(self, url: str) -> None:
        """What manifests/README.md says of environments of one's own: folders named after them, and their settings."""
        for use, name in self.environments.items():
            for part in ("environments", "argocd"):
                shutil.move(self.root / MANIFESTS / part / use, self.root / MANIFESTS / part / name)
            kustomization = f"manifests/argocd/{name}/kustomization.yaml"
            self.change(kustomization, f"environments/{use}/", f"environments/{name}/")
            settings = self.root / MANIFESTS / "environments" / name / "settings/environment.yaml"
            declared = yaml.safe_load(settings.read_text())
            declared["metadata"]["name"] = name
            declared["spec"] |= {"name": name, "namespace": self.namespaces[use], "bucket": self.namespaces[use]}
            settings.write_text(yaml.safe_dump(declared))
            self.change("manifests/argocd/kustomization.yaml", f"- {use}\n", f"- {name}\n")
        self.change("manifests/argocd/repository/repository.yaml", "https://github.com/OWNER/REPOSITORY.git", url)

    def _model(self, name: str) -> None:
        self.write(f"model/{name}/model.py", MODEL)
        self.write(f"model/{name}/requirements.txt", "")
        self.write(f"model/{name}/test_model.py", "def test_it_has_two_sides():\n    assert {'heads', 'tails'}\n")
        rows = [f"{number},{('heads', 'tails')[number % 2]}" for number in range(40)]
        self.write(f"model/{name}/{name}.csv", "\n".join(["number,side", *rows]) + "\n")

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def change(self, path: str, before: str, after: str) -> None:
        text = (self.root / path).read_text()
        assert before in text, f"{path} does not hold {before!r}"
        self.write(path, text.replace(before, after))

    def commit(self, message: str) -> None:
        self._run("git", "add", "--all")
        self._run("git", "commit", "--quiet", "--message", message)

    def push(self) -> float:
        """Returns when it was done, on the clock of `time.monotonic`."""
        self._run("git", "push", "--quiet", "--force", "origin", "HEAD:main")
        return time.monotonic()

    def slipway(self, *words: str) -> str:
        return self._run("slipway", *words)

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        return self._run("kubectl", *words, stdin=stdin)

    def apply(self) -> None:
        """What an administrator does, once."""
        self.kubectl("apply", "--server-side", "-k", str(self.root / "manifests/argocd"))
        patch = self.root / "manifests/argocd/health.yaml"
        before = self.object("configmap", "argocd-cm", "argocd").get("data", {})
        self.replaced = {key: before.get(key) for key in yaml.safe_load(patch.read_text())["data"]}
        self.kubectl("patch", "configmap", "argocd-cm", "-n", "argocd", "--patch-file", str(patch))

    def release(self, model: str, after: dict[str, str] | None = None) -> str:
        """Train a model whose code was changed so, and release it, in test; returns the release's name. Not pushed."""
        for old, new in (after or {}).items():
            self.change(f"model/{model}/model.py", old, new)
        if after:
            self.commit(f"Change {model}")
        test = self.environments["test"]
        self.slipway("train", model, "--env", test)
        before = set((self.root / f"overlays/{test}/{model}").glob("v*"))
        self.slipway("release", model, "--env", test)
        [made] = set((self.root / f"overlays/{test}/{model}").glob("v*")) - before
        return made.name

    def object(self, kind: str, name: str, namespace: str) -> dict[str, Any]:
        """An object of the cluster; an empty one when there is none."""
        found = self.kubectl("get", kind, name, "-n", namespace, "--ignore-not-found", "-o", "json")
        parsed: dict[str, Any] = json.loads(found or "{}")
        return parsed

    def application(self, name: str) -> dict[str, Any]:
        return self.object("applications.argoproj.io", name, "argocd")

    def health(self, name: str) -> tuple[str, str]:
        """How Argo CD finds an Application: its sync and its health."""
        status = self.application(name).get("status", {})
        return status.get("sync", {}).get("status", ""), status.get("health", {}).get("status", "")

    def routed(self, use: str, model: str) -> dict[str, int]:
        """{release: percent} of the requests as Knative shares them out now; empty while what is declared is not so."""
        route = self.object("route.serving.knative.dev", model, self.namespaces[use])
        status = route.get("status", {})
        ready = {each["type"]: each["status"] for each in status.get("conditions", [])}.get("Ready")
        if ready != "True" or status.get("observedGeneration") != route["metadata"]["generation"]:
            return {}
        return {
            target["configurationName"].removeprefix(f"{model}-"): target["percent"]
            for target in route["spec"]["traffic"]
        }

    def host(self, use: str, model: str) -> str:
        """The name under which a model is called from outside; empty while there is none."""
        url = self.object("route.serving.knative.dev", model, self.namespaces[use]).get("status", {}).get("url", "")
        return str(url).partition("://")[2]

    def until(self, holds: Callable[[], bool], what: str, patience: float = PATIENCE) -> float:
        """Wait for a condition, and return when it held; fails with what Argo CD says when it does not come."""
        deadline = time.monotonic() + patience
        while not holds():
            if time.monotonic() > deadline:
                applications = self.kubectl("get", "applications.argoproj.io", "-n", "argocd", "-o", "wide")
                kinds = "pods,services.serving.knative.dev,routes.serving.knative.dev"
                there = "\n".join(self.kubectl("get", kinds, "-n", each) for each in self.namespaces.values())
                pytest.fail(f"waited {patience} s in vain until {what}:\n{applications}\n{there}")
            time.sleep(0.5)
        return time.monotonic()

    def leave(self) -> None:
        """Take away what was made, Argo CD's part first, so that nothing comes back."""
        sets = [f"slipway-{name}-{part}" for name in self.environments.values() for part in ("functions", "training")]
        # What they made goes with them, for which their projects have to be there still.
        self.kubectl("delete", "applicationsets", *sets, "-n", "argocd", "--ignore-not-found", "--cascade=foreground")
        self.kubectl("delete", "-k", str(self.root / "manifests/argocd"), "--ignore-not-found", "--wait=false")
        patch = json.dumps({"data": self.replaced})
        self.kubectl("patch", "configmap", "argocd-cm", "-n", "argocd", "--type=merge", "-p", patch)
        for namespace in self.namespaces.values():
            for kind in ("validatingadmissionpolicybinding", "validatingadmissionpolicy", "namespace"):
                self.kubectl("delete", kind, namespace, "--ignore-not-found", "--wait=false")

    def _run(self, *command: str, cwd: Path | None = None, stdin: str | None = None) -> str:
        done = subprocess.run(command, cwd=cwd or self.root, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.fail(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        return done.stdout
