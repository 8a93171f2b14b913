"""A model that was never trained, from its first training in the cluster to those that are asked for over HTTP."""

import base64
import hashlib
import io
import json
import re
import subprocess
import tarfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from slipway import digests
from slipway.store import Store
from tests.cluster.conftest import Team
from tests.cluster.trainings import declare, ended, prepare, sync, workflow, workflows

pytestmark = pytest.mark.long

# It takes its time to train, so that its pod can be met at work, and values a side as the team does.
MODEL = '''
from slipway.model import Model


class Coin(Model):
    """Says the same whatever it is asked, so that an answer tells which release gave it."""

    source_features = ["number"]
    target_variable = "side"
    parameters = {"side": "heads", "seconds": 0}

    def train(self, data):
        import time

        time.sleep(self.parameters["seconds"])
        self.side = self.parameters["side"]

    def predict(self, rows):
        return [self.side for row in rows]

    def metrics(self, truth, predictions):
        return {"profit": float(predictions[0] == "heads")}
'''
SETTINGS = (
    "services: [predict, training], training: {visibility: public, memory: 1Gi, cpu: 100m}, "
    "gates: {profit: {worse_by: 0.5}}, scale: {max: 1, memory: 256Mi}"
)
PASSWORD, WRONG = "not-to-be-guessed", "a guess"


@pytest.fixture(scope="module")
def store(team: Team) -> Iterator[Store]:
    """The team's store in a bucket; nothing was trained yet."""
    (team.root / "model/coin/model.py").write_text(MODEL)
    with pytest.MonkeyPatch.context() as patch:
        yield prepare(team, patch, SETTINGS)


def test_the_first_version(team: Team, store: Store) -> None:
    """Sync, version 1, release, answer: no step by hand, and no version has to be there before."""
    name = declare(team)
    assert ended(team, name) == "Succeeded", _log(team, name)
    assert store.versions("coin") == [1]
    team.slipway("release", "coin")
    team.kubectl("apply", "-k", f"{team.root}/overlays/test/coin")
    team.until(lambda: team.ready("route", "coin"), "the route is ready")
    assert team.ask()["model_id"] == "coin/test/1"


@pytest.mark.usefixtures("store")
def test_prometheus_is_told_the_scores(team: Team) -> None:
    """By Argo's controller, where our monitor looks: every metric that the model has, and none that it has not."""
    monitors = yaml.safe_load_all((team.root / "manifests/observability/podmonitor.yaml").read_text())
    monitor = next(each["spec"] for each in monitors if each["metadata"]["name"] == "slipway-training")
    [(label, value)] = monitor["selector"]["matchLabels"].items()
    [pod] = json.loads(team.kubectl("get", "pods", "-n", "argo", "-l", f"{label}={value}", "-o", "json"))["items"]
    [place] = monitor["podMetricsEndpoints"]
    ports = {port.get("name"): port["containerPort"] for each in pod["spec"]["containers"] for port in each["ports"]}
    address = f"{place['scheme']}:{pod['metadata']['name']}:{ports[place['port']]}"
    text = team.kubectl("get", "--raw", f"/api/v1/namespaces/argo/pods/{address}/proxy/metrics")
    ours = [line for line in text.splitlines() if line.startswith("argo_workflows_slipway_training_score{")]
    assert any(ours), [line for line in text.splitlines() if "score" in line]
    found = {re.findall('metric="(.*?)"', line)[0]: float(line.split()[-1]) for line in ours if 'model="coin"' in line}
    assert found["profit"] == 1.0
    assert found.keys() == {"accuracy", "balanced_accuracy", "f1_macro", "profit"}


def test_a_worse_version_than_the_deployed_one_is_not_published(team: Team, store: Store) -> None:
    """It is compared with what answers now, of which the declaration knew nothing; argo tells which gate was missed."""
    name = _submit(team, "-p", "parameters=side=tails")
    assert ended(team, name) == "Failed"
    assert store.versions("coin") == [1]
    said = str(workflow(team, name)["status"]["nodes"])
    assert "a gate is missed: profit 0, at most 0.5 worse than the deployed 1" in said
    failures = json.loads(_ended(team, name))["failures"]
    assert [each["step"] for each in failures] == ["evaluate"]


@pytest.mark.usefixtures("store")
def test_the_service_lets_nobody_in_until_there_is_a_password(team: Team) -> None:
    """It is up without the Secret, and says what it lacks; wrong passwords are refused, and health is open."""
    team.until(lambda: team.ready("service", "coin-training"), "the training service is ready")
    assert _ask(team, "GET", "/")[0] == 503
    secret = ("create", "secret", "generic", "coin-training", "-n", team.namespace)
    team.kubectl(*secret, "--from-literal=username=ada", f"--from-literal=password={PASSWORD}")
    team.until(lambda: _ask(team, "GET", "/")[0] == 200, "the password holds")
    assert _ask(team, "GET", "/", password=WRONG)[0] == 401
    assert _ask(team, "GET", "/health/ready", password="")[0] == 200


def test_a_training_over_http(team: Team, store: Store) -> None:
    """Started, told how it goes, one at a time; its pods deleted in the middle, it publishes all the same, and once."""
    status, told = _ask(team, "POST", "/start", {"parameters": {"sid": "heads", "seconds": "9"}})
    assert status == 400
    problem = told["error"]["message"]
    assert problem == (
        "unknown parameter 'sid'; did you mean 'side'?; parameter seconds: a whole number is needed, not '9'"
    )
    status, told = _ask(team, "POST", "/start", {"parameters": {"seconds": 15}})
    assert status == 202, told
    run = told["training"]["run"]["name"]
    assert _ask(team, "POST", "/start")[0] == 409
    _waits(team)
    assert _ask(team, "GET", "/finished")[1]["finished"] is False
    for step in ("fetch", "check", "test", "fit", "evaluate", "publish"):
        _delete_at_work(team, run, step)
    assert ended(team, run) == "Succeeded", _log(team, run)
    status, told = _ask(team, "GET", "/finished")
    assert (status, told["finished"], told["training"]["run"]["phase"]) == (200, True, "Succeeded")
    assert store.versions("coin") == [1, 2]
    assert told["training"]["artifact"]["model_id"] == "coin/test/2"
    assert store.record("coin", 2).training.parameters == {"seconds": 15}


def test_the_newest_artifact_over_http(team: Team, store: Store) -> None:
    """As an archive, whose files are those of the digest that comes with it."""
    answer = _open(team, "GET", "/getmodel")
    with answer, tarfile.open(fileobj=io.BytesIO(answer.read())) as archive:
        files = {
            member.name.partition("/")[2]: hashlib.sha256(archive.extractfile(member).read()).hexdigest()
            for member in archive.getmembers()
        }
    assert digests.of_files(files) == answer.headers["X-Artifact-Digest"]
    assert answer.headers["X-Model-Id"] == f"coin/test/{store.versions('coin')[-1]}"


@pytest.mark.usefixtures("store")
def test_the_service_may_do_nothing_else(team: Team) -> None:
    """Not read a Secret, not delete a run, not touch another namespace."""
    account = f"system:serviceaccount:{team.namespace}:slipway-training-service"

    def may(*words: str, namespace: str = team.namespace) -> bool:
        command = ["kubectl", "auth", "can-i", *words, "--as", account, "--namespace", namespace]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    assert may("create", "workflows.argoproj.io") and may("list", "workflows.argoproj.io")
    assert not may("delete", "workflows.argoproj.io") and not may("patch", "workflows.argoproj.io")
    assert not may("get", "secrets") and not may("create", "pods")
    assert not may("create", "workflows.argoproj.io", namespace="default")


def test_the_clock_trains_again(team: Team, store: Store) -> None:
    """A schedule makes a version by itself, by the same template; the declared run is not run again by it."""
    before, runs = store.versions("coin"), workflows(team)
    settings = team.root / "slipway.yaml"
    text = settings.read_text()
    settings.write_text(text.replace("coin: {", "coin: {schedule: '* * * * *', "))
    team.commit("Train every minute")
    assert declare(team) in runs
    team.until(lambda: workflows(team).keys() > runs.keys(), "the clock has started a run")
    team.kubectl("delete", "cronworkflow", "train-coin", "-n", team.namespace, "--cascade=orphan")
    settings.write_text(text)  # or the next sync starts the clock again
    team.commit("Train when asked")
    (name,) = workflows(team).keys() - runs.keys()
    assert ended(team, name) == "Succeeded", _log(team, name)
    assert store.versions("coin") == [*before, before[-1] + 1]
    record = store.find("coin")
    assert record.training is not None and record.training.run == name
    assert runs.items() <= workflows(team).items()
    assert declare(team) in runs


@pytest.mark.usefixtures("store")
def test_a_sync_trains_nothing_again(team: Team) -> None:
    """The workflow that has ended stays, because it is the declared one."""
    before = workflows(team)
    sync(team)
    assert before.items() <= workflows(team).items()


def test_a_declared_run_that_is_lost_publishes_nothing_again(team: Team, store: Store) -> None:
    """The next sync makes it anew; it trains, and ends well with the version that it had published."""
    before, name = store.versions("coin"), declare(team)
    team.kubectl("delete", "workflow", name, "-n", team.namespace)
    sync(team)
    assert ended(team, name) == "Succeeded", _log(team, name)
    assert store.versions("coin") == before


def _open(team: Team, method: str, path: str, body: Any = None, password: str = PASSWORD) -> Any:
    token = base64.b64encode(f"ada:{password}".encode()).decode()
    headers = {"Host": team.host("service", "coin-training"), "Content-Type": "application/json"}
    headers |= {"Authorization": f"Basic {token}"} if password else {}
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{team.ingress}{path}", content, headers, method=method)
    return urllib.request.urlopen(request, timeout=120)


def _ask(team: Team, *words: Any, **more: Any) -> tuple[int, Any]:
    try:
        with _open(team, *words, **more) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def _pods(team: Team, run: str, step: str) -> list[dict[str, Any]]:
    selector = f"workflows.argoproj.io/workflow={run}"
    found = json.loads(team.kubectl("get", "pods", "-n", team.namespace, "-l", selector, "-o", "json"))
    return [each for each in found["items"] if f"-{step}-" in each["metadata"]["name"]]


def _waits(team: Team) -> None:
    """Submit another one while a run is under way: it waits for the lock of the model, whoever asks."""
    name = _submit(team)
    team.until(lambda: "Lock status" in str(workflow(team, name).get("status", {})), f"{name} waits for the lock")
    assert workflow(team, name)["status"]["phase"] == "Pending"
    team.kubectl("delete", "workflow", name, "-n", team.namespace)


def _delete_at_work(team: Team, run: str, step: str) -> None:
    """Delete the pod of a step while its own container runs, or at once after it: some are quick."""

    def at_work() -> dict[str, Any] | None:
        for pod in _pods(team, run, step):
            states = {each["name"]: each["state"] for each in pod["status"].get("containerStatuses", [])}
            if states.get("main", {}).keys() & {"running", "terminated"}:
                return pod
        return None

    team.until(lambda: at_work() is not None, f"{step} runs")
    if pod := at_work():
        team.kubectl("delete", "pod", pod["metadata"]["name"], "-n", team.namespace, "--wait=false")


def _submit(team: Team, *words: str) -> str:
    submit = ("argo", "submit", "-n", team.namespace, "--from", "workflowtemplate/train-coin", "-o", "name")
    return team._run(*submit, *words).strip().removeprefix("workflow.argoproj.io/")


def _log(team: Team, run: str) -> str:
    return team._run("argo", "logs", run, "-n", team.namespace, "--no-color")


def _ended(team: Team, run: str) -> str:
    """Return the last line of the exit handler of a failed run; the pods of its steps are gone."""
    lines: list[str] = []

    def told() -> bool:
        lines[:] = [line for line in _log(team, run).splitlines() if '"severity"' in line and '"seconds"' in line]
        return bool(lines)

    team.until(told, "the exit handler has said how it ended")
    return lines[-1].partition(": ")[2] if not lines[-1].startswith("{") else lines[-1]
