"""A declared training as it runs: real pods under the `restricted` Pod Security level, handing on through a bucket."""

import json
import time
import urllib.request
from collections.abc import Iterator

import pytest

from slipway.store import Store, open_store
from tests.cluster.conftest import Team

# What the namespace has to have: workflows/README.md.
NAMESPACE = """
apiVersion: v1
kind: ServiceAccount
metadata: {name: slipway-train}
automountServiceAccountToken: false
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: slipway-train}
rules: [{apiGroups: [argoproj.io], resources: [workflowtaskresults], verbs: [create, patch]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: slipway-train}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: slipway-train}
subjects: [{kind: ServiceAccount, name: slipway-train}]
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
# Where pods reach the bucket: Google's own address would need none of this.
EMULATOR = """        - name: STORAGE_EMULATOR_HOST
          value: http://gcs.storage.svc.cluster.local:4443
"""
FOLDER = "overlays/test/coin/training"
PATIENCE = 600  # seconds: six pods one after the other, on a machine that may be busy


@pytest.fixture(scope="module")
def store(team: Team) -> Iterator[Store]:
    """The team's store in a bucket of the cluster's emulator; the settings leave training to the cluster."""
    address = team.kubectl("get", "service", "gcs", "-n", "storage", "-o", "jsonpath={.spec.clusterIP}")
    server = f"http://{address}:4443"
    settings = team.root / "slipway.yaml"
    text = settings.read_text().replace(".slipway/store", f"gs://{team.namespace}/store")
    settings.write_text(text.replace("train: manual, ", ""))
    template = team.root / "workflows/train/template.yaml"
    before, marker, after = template.read_text().partition("        # The root file system is read-only.\n")
    template.write_text(before + EMULATOR + marker + after)
    team.commit("Train in the cluster")
    team.kubectl("apply", "-n", team.namespace, "-f", "-", stdin=NAMESPACE.replace("BUCKET", team.namespace))
    content = json.dumps({"name": team.namespace}).encode()
    request = urllib.request.Request(f"{server}/storage/v1/b", content, {"Content-Type": "application/json"})
    urllib.request.urlopen(request).close()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", server)
        yield open_store(f"gs://{team.namespace}/store", root=team.root, environment="test")


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
    while (phase := _phase(team, name)) not in ("Succeeded", "Failed", "Error"):
        if time.monotonic() > deadline:
            pytest.fail(
                f"{name} has not ended after {PATIENCE} s:\n{team.kubectl('get', 'pods', '-n', team.namespace)}"
            )
        time.sleep(1)
    return phase


def _phase(team: Team, name: str) -> str:
    found = json.loads(team.kubectl("get", "workflow", name, "-n", team.namespace, "-o", "json"))
    return str(found.get("status", {}).get("phase", ""))


def head(team: Team) -> str:
    return team._run("git", "rev-parse", "HEAD").strip()


def workflows(team: Team) -> dict[str, str]:
    """{name: the identity that a workflow has until it is made anew}"""
    found = json.loads(team.kubectl("get", "workflows", "-n", team.namespace, "-o", "json"))
    return {item["metadata"]["name"]: item["metadata"]["uid"] for item in found["items"]}


def test_a_push_trains_in_the_cluster_once(team: Team, store: Store) -> None:
    """The version names commit, branch and run; neither another sync nor another run of release trains again."""
    commit = head(team)
    name = declare(team)
    assert ended(team, name) == "Succeeded"
    record = store.record("coin", 1)
    assert record.training is not None
    assert (record.training.commit, record.training.branch, record.training.run) == (commit, "main", name)
    before = workflows(team)
    sync(team)
    plan = team.root.parent / "plan"
    team.slipway("build", "--to", str(plan), "--train", "as-set")
    assert json.loads((plan / "plan.json").read_text())["models"][0]["digest"] == ""
    assert workflows(team) == before and store.versions("coin") == [1]


def test_a_person_trains_with_other_parameters(team: Team, store: Store) -> None:
    """By argo alone: what is trained is a trial of its own version, and the workflow's template all it needs."""
    submit = ("argo", "submit", "-n", team.namespace, "--from", "workflowtemplate/train-coin", "-o", "name")
    name = team._run(*submit, "-p", "parameters=side=tails").strip()
    assert ended(team, name.removeprefix("workflow.argoproj.io/")) == "Succeeded"
    record = store.record("coin", 2)
    assert record.training is not None
    assert record.training.parameters == {"side": "tails"}


def test_a_failure_leaves_the_store_as_it_was(team: Team, store: Store) -> None:
    """A model whose gate is missed fails in evaluate, is not tried again, and a new commit is not stopped by it."""
    settings = team.root / "slipway.yaml"
    settings.write_text(settings.read_text().replace("coin: {", "coin: {gates: {accuracy: {min: 1.5}}, "))
    (team.root / "model/coin/model.py").write_text((team.root / "model/coin/model.py").read_text() + "# changed\n")
    team.commit("Ask for too much")
    name = declare(team)
    assert ended(team, name) == "Failed"
    assert store.versions("coin") == [1, 2]
    found = json.loads(team.kubectl("get", "workflow", name, "-n", team.namespace, "-o", "json"))
    pods = [node["templateName"] for node in found["status"]["nodes"].values() if node["type"] == "Pod"]
    assert sorted(pods) == sorted(["fetch", "check", "test", "fit", "evaluate"])
