"""A repository that Argo CD follows, and what becomes of it in a cluster."""

import base64
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

__all__ = ["MODEL", "PATIENCE", "ROOT", "Followed", "Pushed"]

ROOT = Path(__file__).parents[2]
MANIFESTS = Path("manifests")
PATIENCE = 300  # seconds: images are pulled and started on a machine that may be busy
MODEL = '''
import os

from slipway.model import Model

IN_CLUSTER = "KUBERNETES_SERVICE_HOST" in os.environ


class Coin(Model):
    """Says the same whatever it is asked: the side that it has seen most."""

    source_features = ["number"]
    target_variable = "side"

    def train(self, data):
        self.side = str(data["side"].mode()[0])  # the more

    def predict(self, rows):
        return [self.side for row in rows]
'''
# The cluster itself by another of its addresses, which Argo CD takes for another cluster.
OTHER_CLUSTER = "https://kubernetes.default.svc.cluster.local"
TEST = """
import pandas as pd

from model.{name}.model import Coin


def test_it_says_what_it_has_seen_most():
    coin = Coin()
    coin.train(pd.DataFrame({{"side": ["tails", "heads", "tails"]}}))
    assert coin.predict([{{"number": 1}}]) == ["tails"]
"""


class Followed:
    """A clone of this repository with environments, namespaces and Applications of its own names.

    `environments` are by what they are for (`test`, `prod`). It is pushed to `remote`; a cluster reads it at `url`.
    """

    def __init__(self, root: Path, mark: str, remote: str, url: str) -> None:
        self.root = root
        self.environments = {"test": f"t{mark}", "prod": f"p{mark}"}
        self.namespaces = {use: f"slipway-{name}" for use, name in self.environments.items()}
        self.replaced: dict[str, str | None] = {}
        self.other_cluster = ""
        self._run("git", "clone", "--quiet", str(ROOT), str(root), cwd=root.parent)
        self.git("checkout", "--quiet", "-B", "main")
        self.git("remote", "set-url", "origin", remote)
        for name, value in (("user.name", "Ada"), ("user.email", "ada@example.org")):
            self.git("config", name, value)
        self._manifests(url)

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
            named = {"namespace", "bucket"} & declared["spec"].keys()
            declared["spec"] |= {"name": name, **dict.fromkeys(named, self.namespaces[use])}
            settings.write_text(yaml.safe_dump(declared))
            self.change("manifests/argocd/kustomization.yaml", f"- {use}\n", f"- {name}\n")
        self.change("manifests/argocd/repository/repository.yaml", "https://github.com/OWNER/REPOSITORY.git", url)

    def move(self, use: str) -> None:
        """Have an environment in a cluster of its own."""
        name = self.environments[use]
        self.other_cluster = f"slipway-{name}-cluster"
        settings = f"manifests/environments/{name}/settings/environment.yaml"
        self.change(settings, "https://kubernetes.default.svc\n", f"{OTHER_CLUSTER}\n")

    def model(self, name: str) -> None:
        """Write a model that says `heads`."""
        self.write(f"model/{name}/model.py", MODEL)
        self.write(f"model/{name}/requirements.txt", "")
        self.write(f"model/{name}/test_model.py", TEST.format(name=name))
        rows = [f"{number},{('tails', 'heads', 'heads')[number % 3]}" for number in range(60)]
        self.write(f"model/{name}/{name}.csv", "\n".join(["number,side", *rows]) + "\n")

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def change(self, path: str, before: str, after: str) -> None:
        text = (self.root / path).read_text()
        assert before in text, f"{path} does not hold {before!r}"
        self.write(path, text.replace(before, after))

    def git(self, *words: str) -> str:
        return self._run("git", *words).strip()

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)

    def slipway(self, *words: str) -> None:
        self._run("slipway", *words)

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        return self._run("kubectl", *words, stdin=stdin)

    def apply(self) -> None:
        """What an administrator does, once."""
        if self.other_cluster:
            self._add_cluster()
        self.kubectl("apply", "--server-side", "-k", str(self.root / "manifests/argocd"))
        patch = self.root / "manifests/argocd/health.yaml"
        before = self.object("configmap", "argocd-cm", "argocd").get("data", {})
        self.replaced = {key: before.get(key) for key in yaml.safe_load(patch.read_text())["data"]}
        self.kubectl("patch", "configmap", "argocd-cm", "-n", "argocd", "--patch-file", str(patch))

    def object(self, kind: str, name: str, namespace: str) -> dict[str, Any]:
        """An object of the cluster; an empty one when there is none."""
        found = self.kubectl("get", kind, name, "-n", namespace, "--ignore-not-found", "-o", "json")
        parsed: dict[str, Any] = json.loads(found or "{}")
        return parsed

    def appears(self, kind: str, name: str, namespace: str) -> None:
        """Wait until an object is there."""
        self.until(lambda: bool(self.object(kind, name, namespace)), f"{kind} {name} is there")

    def health(self, name: str) -> tuple[str, str]:
        """How Argo CD finds an Application: its sync and its health."""
        status = self.object("applications.argoproj.io", name, "argocd").get("status", {})
        return status.get("sync", {}).get("status", ""), status.get("health", {}).get("status", "")

    def revision(self, name: str) -> str:
        """The commit that Argo CD has last held an Application to."""
        status = self.object("applications.argoproj.io", name, "argocd").get("status", {})
        return str(status.get("sync", {}).get("revision", ""))

    def settled(self, name: str) -> None:
        """Wait until an Application is as git says."""
        self.until(lambda: self.health(name) == ("Synced", "Healthy"), f"{name} is as git says")

    def looked_at(self, name: str) -> None:
        """Have Argo CD look at git for an Application now, as a webhook does."""
        words = ("annotate", "applications.argoproj.io", name, "-n", "argocd", "--overwrite")
        self.kubectl(*words, "argocd.argoproj.io/refresh=normal")

    def routed(self, use: str, model: str = "coin") -> dict[str, int]:
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

    def host(self, use: str, model: str = "coin") -> str:
        """The name under which a model is called from outside; empty while there is none."""
        url = self.object("route.serving.knative.dev", model, self.namespaces[use]).get("status", {}).get("url", "")
        return str(url).partition("://")[2]

    def until(self, holds: Callable[[], bool], what: str, patience: float = PATIENCE) -> float:
        """Wait for a condition, and return when it held; fails with what Argo CD says when it does not come."""
        deadline = time.monotonic() + patience
        while not holds():
            if time.monotonic() > deadline:
                applications = self.kubectl("get", "applications.argoproj.io", "-n", "argocd", "-o", "wide")
                kinds = "pods,jobs,workflows.argoproj.io,services.serving.knative.dev,routes.serving.knative.dev"
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
        if self.other_cluster:
            kinds = "clusterrolebinding,serviceaccount,secret"
            self.kubectl("delete", kinds, self.other_cluster, "-n", "argocd", "--ignore-not-found", "--wait=false")

    def _add_cluster(self) -> None:
        """What `argocd cluster add` does, for which it takes a kubeconfig that knows both clusters."""
        name = self.other_cluster
        self.kubectl("create", "serviceaccount", name, "-n", "argocd")
        rights = ("--clusterrole=cluster-admin", f"--serviceaccount=argocd:{name}")
        self.kubectl("create", "clusterrolebinding", name, *rights)
        token = self.kubectl("create", "token", name, "-n", "argocd", "--duration=24h").strip()
        authority = self.object("configmap", "kube-root-ca.crt", "argocd")["data"]["ca.crt"]
        config = {"bearerToken": token, "tlsClientConfig": {"caData": base64.b64encode(authority.encode()).decode()}}
        labels = {"argocd.argoproj.io/secret-type": "cluster"}
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": name, "namespace": "argocd", "labels": labels},
            "stringData": {"name": name, "server": OTHER_CLUSTER, "config": json.dumps(config)},
        }
        self.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(secret))

    def _run(self, *command: str, cwd: Path | None = None, stdin: str | None = None) -> str:
        done = subprocess.run(command, cwd=cwd or self.root, input=stdin, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.fail(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
        return done.stdout


class Pushed(Followed):
    """One on the cluster's own git server, whose releases of `coin` and `dice` are made by the commands."""

    def __init__(self, root: Path, registry: str, git: str) -> None:
        mark = uuid.uuid4().hex[:6]
        name = f"slipway-{mark}.git"
        super().__init__(root, mark, f"{git}/{name}", f"http://git.git.svc.cluster.local/{name}")
        # In one piece: not every git server takes what comes in many.
        self.git("config", "http.postBuffer", str(100 * 2**20))
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
        for model in ("coin", "dice"):
            self.model(model)
        self.commit("Make the repository ours")
        self.push()

    def push(self) -> float:
        """Returns when it was done, on the clock of `time.monotonic`."""
        self.git("push", "--quiet", "--force", "origin", "HEAD:main")
        return time.monotonic()

    def release(self, model: str) -> str:
        """Train a model, and release it, in test; returns the release's name. Not pushed."""
        test = self.environments["test"]
        before = set((self.root / f"overlays/{test}/{model}").glob("v*"))
        self.slipway("train", model, "--env", test)
        self.slipway("release", model, "--env", test)
        [made] = set((self.root / f"overlays/{test}/{model}").glob("v*")) - before
        return made.name
