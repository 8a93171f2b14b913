"""What a submitter may say of a training, and who may do what in an environment: asked of a real API server."""

import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster import environment as environments
from tests.cluster.conftest import ROOT

PERSON = ("--as", "ada", "--as-group", "submitters", "--as-group", "system:authenticated")
FOREIGN = {
    "a service account": {"serviceAccountName": "slipway-verify"},
    "a patch of the pods": {"podSpecPatch": "{containers: [{name: main, image: evil}]}"},
    "templates of its own": {"entrypoint": "own", "templates": [{"name": "own", "container": {"image": "evil"}}]},
    "another image": {"templateDefaults": {"container": {"image": "evil"}}},
    "hooks": {"hooks": {"exit": {"template": "fetch"}}},
    "another entry": {"entrypoint": "publish"},
    "volumes": {"volumes": [{"name": "secret", "secret": {"secretName": "theirs"}}]},
    "a template of the cluster": {"workflowTemplateRef": {"name": "train-coin", "clusterScope": True}},
    "no template": {"workflowTemplateRef": None},
    "a run that waits, and holds what trains": {"suspend": True},
    "a run that is stopped": {"shutdown": "Stop"},
}


# What it is told, and for how many seconds it stays.
SAY = (
    "import time; said = '{{workflow.parameters.parameters}}'; print(said); "
    "time.sleep(int(said.partition('seconds=')[2] or 0))"
)
LONG = {"parameters": [{"name": "parameters", "value": "seconds=600"}]}


class Environment:
    """A namespace of its own, made of `manifests/environments`, with a template `train-coin` of one quick step."""

    def __init__(self, folder: Path) -> None:
        self.name = f"slipway-{uuid.uuid4().hex[:8]}"
        shutil.copytree(ROOT / "manifests/environments", folder)
        environments.apply(self.kubectl, folder, self.name)
        self.kubectl("create", *self.here, "-f", "-", stdin=json.dumps(template()))
        self.kubectl("create", "rolebinding", "ada", "--role", "slipway-submit", "--group", "submitters", *self.here)

    @property
    def here(self) -> tuple[str, str]:
        return ("-n", self.name)

    @property
    def service(self) -> tuple[str, ...]:
        """What has kubectl speak as the training service."""
        return ("--as", f"system:serviceaccount:{self.name}:slipway-training-service")

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        done = self.tried("kubectl", *words, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def tried(self, *command: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)

    def refusal(self, item: dict[str, Any], *identity: str) -> str:
        """Why an object is not taken; empty when it is."""
        return self.tried("kubectl", "create", *self.here, *identity, "-f", "-", stdin=json.dumps(item)).stderr

    def leave(self) -> None:
        environments.leave(self.kubectl, self.name)


def template() -> dict[str, Any]:
    """One step that says its parameters, whose pods are as those of trainings are."""
    training = yaml.safe_load((ROOT / "workflows/train/template.yaml").read_text())["spec"]
    container = {
        "image": "python:3.11-slim",
        "command": ["python", "-c", SAY],
        "securityContext": training["templateDefaults"]["container"]["securityContext"],
    }
    kept = {key: training[key] for key in ("serviceAccountName", "securityContext", "podSpecPatch", "arguments")}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "WorkflowTemplate",
        "metadata": {"name": "train-coin"},
        "spec": kept | {"entrypoint": "say", "templates": [{"name": "say", "container": container}]},
    }


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environment]:
    made = Environment(tmp_path_factory.mktemp("environment") / "environments")
    yield made
    made.leave()


def workflow(**spec: Any) -> dict[str, Any]:
    said = {key: value for key, value in ({"workflowTemplateRef": {"name": "train-coin"}} | spec).items() if value}
    metadata = {"generateName": "train-coin-"}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": said}


def test_a_template_and_arguments_are_taken(environment: Environment) -> None:
    """`argo submit --from` with parameters runs to its end, as a person who may do no more than that."""
    submit = ("argo", "submit", *environment.here, *PERSON, "--from", "workflowtemplate/train-coin")
    done = environment.tried(*submit, "-p", "parameters=side=tails", "--wait", "-o", "json")
    assert done.returncode == 0, done.stderr
    [run] = json.loads(environment.kubectl("get", "workflows", *environment.here, "-o", "json"))["items"]
    assert run["status"]["phase"] == "Succeeded", run["status"].get("message")
    assert run["spec"]["arguments"]["parameters"] == [{"name": "parameters", "value": "side=tails"}]


@pytest.mark.parametrize("said", FOREIGN.values(), ids=FOREIGN.keys())
def test_all_else_is_refused(environment: Environment, said: dict[str, Any]) -> None:
    """Whoever asks, an administrator too; the message says what may be given."""
    for identity in ((), PERSON, environment.service):
        refusal = environment.refusal(workflow(**said), *identity)
        assert f"ValidatingAdmissionPolicy '{environment.name}'" in refusal, refusal
        assert "workflowTemplateRef" in refusal


def test_argo_submit_cannot_name_another_account(environment: Environment) -> None:
    """What its own option would set is refused like the rest."""
    submit = ("argo", "submit", *environment.here, *PERSON, "--from", "workflowtemplate/train-coin")
    done = environment.tried(*submit, "--serviceaccount", "slipway-verify")
    assert done.returncode and "arguments alone" in done.stderr


def test_a_status_is_the_controllers(environment: Environment) -> None:
    """What the controller noted of the template is what it runs, so nobody else may write it: new, or later."""
    forged = {"storedWorkflowTemplateSpec": {"serviceAccountName": "slipway-verify"}}
    refusal = environment.refusal(workflow() | {"status": forged}, *environment.service)
    assert "controller alone" in refusal
    account = f"system:serviceaccount:{environment.name}:slipway-training-service"
    assert f"if {account} is that controller, say so by workflowController" in refusal
    made = environment.kubectl(
        "create", *environment.here, *PERSON, "-o", "name", "-f", "-", stdin=json.dumps(workflow(arguments=LONG))
    ).strip()
    for change in ({"status": forged}, {"spec": {"serviceAccountName": "slipway-verify"}}):
        patch = ("patch", made, *environment.here, *PERSON, "--type=merge", "-p", json.dumps(change))
        assert "ValidatingAdmissionPolicy" in environment.tried("kubectl", *patch).stderr
    stop = ("argo", "terminate", *environment.here, *PERSON, made.partition("/")[2])
    done = environment.tried(*stop)
    assert done.returncode == 0, done.stderr


def test_templates_sent_along_are_not_what_runs(environment: Environment) -> None:
    """The command argo has them in the status that it sends, so they cannot be refused: nothing reads them here."""
    forged = {"name": "say", "container": {"image": "python:3.11-slim", "command": ["python", "-c", "exit(1)"]}}
    status = {"storedTemplates": {f"{scope}train-coin/say": forged for scope in ("namespaced/", "local/", "")}}
    words = ("create", *environment.here, *environment.service, "-o", "name", "-f", "-")
    made = environment.kubectl(*words, stdin=json.dumps(workflow() | {"status": status})).strip()
    done = environment.tried("argo", "wait", *environment.here, made.partition("/")[2])
    assert done.returncode == 0, done.stdout + done.stderr
    run = json.loads(environment.kubectl("get", made, *environment.here, "-o", "json"))
    assert run["status"]["phase"] == "Succeeded"


def test_a_declared_run_that_was_there_before_its_template_goes(environment: Environment) -> None:
    """Argo notes an error of its own then; gone, it is made anew by the next sync. One that succeeded stays."""
    declared = yaml.safe_load((ROOT / "workflows/train/workflow.yaml").read_text())["spec"]["ttlStrategy"]
    made = {}
    for name in ("not-there", "train-coin"):
        item = workflow(workflowTemplateRef={"name": name}, ttlStrategy={**declared, "secondsAfterCompletion": 1})
        words = ("create", *environment.here, "-o", "name", "-f", "-")
        made[name] = environment.kubectl(*words, stdin=json.dumps(item)).strip()
    environment.kubectl("wait", made["not-there"], *environment.here, "--for=delete", "--timeout=120s")
    done = environment.tried("argo", "wait", *environment.here, made["train-coin"].partition("/")[2])
    assert done.returncode == 0, done.stdout + done.stderr
    assert environment.kubectl("get", made["train-coin"], *environment.here, "-o", "name").strip() == made["train-coin"]


def test_the_training_service_may_start_and_look_and_no_more(environment: Environment) -> None:
    """Its token opens nothing else, in this namespace or another."""
    listed = environment.kubectl("auth", "can-i", "--list", "--no-headers", *environment.here, *environment.service)
    rights = {line.split()[0]: line[line.rindex("[") :] for line in listed.splitlines() if line and line[0] != " "}
    own = {what: verbs for what, verbs in rights.items() if not what.startswith("self") and what[0] != "["}
    assert own == {"workflows.argoproj.io": "[create get list]"}
    other = environment.refusal(workflow(), *environment.service, "-n", "default")
    assert "forbidden" in other


def test_no_function_gets_a_token(environment: Environment) -> None:
    """A pod has none mounted, whichever account it names, unless it asks for one."""
    accounts = json.loads(environment.kubectl("get", "serviceaccounts", *environment.here, "-o", "json"))["items"]
    mounting = {item["metadata"]["name"] for item in accounts if item.get("automountServiceAccountToken", True)}
    assert mounting == set()
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "bare"}, "spec": {"containers": [BARE]}}
    checked = environment.kubectl(
        "create", "--dry-run=server", "-o", "json", *environment.here, "-f", "-", stdin=json.dumps(pod)
    )
    assert "volumes" not in json.loads(checked)["spec"]


BARE = {
    "name": "bare",
    "image": "python:3.11-slim",
    "securityContext": {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
}
