"""A team whose models train in the cluster: what its namespace needs, and how its runs are declared and watched."""

import json
import time
import urllib.request

import pytest

from slipway.store import Store, open_store
from tests.cluster.conftest import Team

__all__ = ["EMULATOR", "declare", "ended", "prepare", "sync", "workflow", "workflows"]

EMULATOR = "http://gcs.storage.svc.cluster.local:4443"
"""Where pods reach the bucket: Google's own address would need no setting."""
PATIENCE = 600  # seconds: seven pods one after the other, on a machine that may be busy
FOLDER = "overlays/test/coin/training"

_ACCOUNT = """
apiVersion: v1
kind: ServiceAccount
metadata: {{name: {name}}}
automountServiceAccountToken: false
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: {name}}}
rules: [{{apiGroups: [argoproj.io], resources: [{resource}], verbs: {verbs}}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: {name}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: {name}}}
subjects: [{{kind: ServiceAccount, name: {name}}}]
---
"""
# What the namespace has to have: workflows/README.md.
_NAMESPACE = (
    _ACCOUNT.format(name="slipway-train", resource="workflowtaskresults", verbs="[create, patch]")
    + _ACCOUNT.format(name="slipway-training-service", resource="workflows", verbs="[create, get, list]")
    + """
apiVersion: v1
kind: ServiceAccount
metadata: {name: slipway-verify}
automountServiceAccountToken: false
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: artifact-repositories
  annotations: {workflows.argoproj.io/default-artifact-repository: default}
data:
  default: |
    gcs: {bucket: BUCKET, keyFormat: "runs/{{workflow.name}}/{{pod.name}}"}
"""
)


def prepare(team: Team, patch: pytest.MonkeyPatch, coin: str) -> Store:
    """Give the team a store in a bucket of the cluster's emulator; `coin` is what the settings say of the model."""
    address = team.kubectl("get", "service", "gcs", "-n", "storage", "-o", "jsonpath={.spec.clusterIP}")
    server = f"http://{address}:4443"
    settings = team.root / "slipway.yaml"
    lines = settings.read_text().replace(".slipway/store", f"gs://{team.namespace}/store").splitlines()
    lines[1] = lines[1].removesuffix("}") + f", variables: {{STORAGE_EMULATOR_HOST: '{EMULATOR}'}}}}"
    lines[3] = f"  coin: {{{coin}}}"
    settings.write_text("\n".join([*lines, ""]))
    team.commit("Train in the cluster")
    team.kubectl("apply", "-n", team.namespace, "-f", "-", stdin=_NAMESPACE.replace("BUCKET", team.namespace))
    content = json.dumps({"name": team.namespace}).encode()
    request = urllib.request.Request(f"{server}/storage/v1/b", content, {"Content-Type": "application/json"})
    urllib.request.urlopen(request).close()
    patch.setenv("STORAGE_EMULATOR_HOST", server)
    return open_store(f"gs://{team.namespace}/store", root=team.root, environment="test")


def declare(team: Team) -> str:
    """What a push does, and a sync: returns the name of the workflow."""
    plan = str(team.root.parent / "plan")
    team.slipway("build", "--to", plan, "--train", "as-set")
    team.slipway("release", "--built", plan)
    sync(team)
    found = team.kubectl("create", "--dry-run=client", "-o", "json", "-f", f"{team.root}/{FOLDER}/workflow.yaml")
    return str(json.loads(found)["metadata"]["name"])


def sync(team: Team) -> None:
    team.kubectl("apply", "-k", f"{team.root}/{FOLDER}")


def ended(team: Team, name: str) -> str:
    """The phase in which a workflow ended."""
    deadline = time.monotonic() + PATIENCE
    while (phase := workflow(team, name).get("status", {}).get("phase")) not in ("Succeeded", "Failed", "Error"):
        if time.monotonic() > deadline:
            pods = team.kubectl("get", "pods", "-n", team.namespace)
            pytest.fail(f"{name} has not ended after {PATIENCE} s:\n{pods}")
        time.sleep(1)
    return str(phase)


def workflow(team: Team, name: str) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads(
        team.kubectl("get", "workflow", name, "-n", team.namespace, "-o", "json")
    )
    return found


def workflows(team: Team) -> dict[str, str]:
    """{name: the identity that a workflow has until it is made anew}"""
    found = json.loads(team.kubectl("get", "workflows", "-n", team.namespace, "-o", "json"))
    return {item["metadata"]["name"]: item["metadata"]["uid"] for item in found["items"]}
