"""A function whose threads are stuck is started anew where it runs, and answers again."""

import json
import urllib.error
import urllib.request

from tests.cluster.conftest import MODEL, PATIENCE, Team

STUCK = MODEL.replace(
    "return [self.side for row in rows]",
    "\n        while rows[0]['number'] == 39:\n            time.sleep(1)\n        return [self.side for row in rows]",
).replace("from slipway", "import time\n\nfrom slipway", 1)


def refused(team: Team) -> tuple[int, str]:
    """Ask what never ends; return the status and the code of the refusal."""
    headers = {"Host": team.host("route", "coin"), "Content-Type": "application/json"}
    asked = urllib.request.Request(f"{team.ingress}/predict", b'{"number": 39}', headers)
    try:
        urllib.request.urlopen(asked, timeout=PATIENCE).close()
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["error"]["code"]
    return 200, ""


def restarts(team: Team) -> int:
    found = json.loads(team.kubectl("get", "pods", "-n", team.namespace, "-o", "json"))
    statuses = [status for pod in found["items"] for status in pod["status"].get("containerStatuses", [])]
    return sum(status["restartCount"] for status in statuses if status["name"] == "function")


def test_a_pod_with_stuck_threads_answers_again(team: Team) -> None:
    """The function's own 504 comes before Knative's; Kubernetes starts the container anew, and it answers."""
    (team.root / "model/coin/model.py").write_text(STUCK)
    settings = team.root / "slipway.yaml"
    scale = "scale: {min: 1, max: 1, concurrency: 1, timeout: 5, memory: 256Mi}"
    settings.write_text(settings.read_text().replace("scale: {max: 2, memory: 256Mi}", scale))
    team.commit("Let coin hang on one row")
    team.slipway("train", "coin")
    team.slipway("release", "coin")
    team.sync()
    assert team.ask()["prediction"] == "heads"
    assert refused(team) == (504, "too_long")
    team.until(lambda: restarts(team) > 0, "the container is started anew")
    team.until(lambda: team.ready("route", "coin"), "the route is ready")
    assert team.ask()["prediction"] == "heads"
