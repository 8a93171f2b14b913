"""A function while it is asked: nothing is lost when pods come and go, and a look at its metrics keeps none alive."""

import json
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.cluster.conftest import PATIENCE, Team

pytestmark = pytest.mark.long

# Asked for a number over 1000 it takes so many seconds less 1000. Never so short that it is answered on the event loop.
MODEL = '''
import time

from slipway.model import Model


class Coin(Model):
    """Takes its time."""

    source_features = ["number"]
    target_variable = "side"
    parameters = {"side": "heads"}

    def train(self, data):
        self.side = self.parameters["side"]

    def predict(self, rows):
        for row in rows:
            time.sleep(max(0.002, row["number"] - 1000))
        return [self.side for row in rows]
'''


@pytest.fixture(scope="module")
def live(team: Team) -> Team:
    """A release of the slow coin that two requests at a time are enough for."""
    (team.root / "model/coin/model.py").write_text(MODEL)
    settings = team.root / "slipway.yaml"
    settings.write_text(settings.read_text().replace("max: 2,", "max: 2, concurrency: 4,"))
    team.commit("Have the coin take its time")
    team.slipway("train", "coin")
    team.slipway("release", "coin")
    team.sync()
    return team


def call(team: Team, number: float, **headers: str) -> tuple[int, Any]:
    """Status and JSON of one prediction, through the ingress."""
    body = json.dumps({"number": number}).encode()
    given = {"Host": team.host("route", "coin"), "Content-Type": "application/json", **headers}
    with urllib.request.urlopen(urllib.request.Request(f"{team.ingress}/predict", body, given), timeout=PATIENCE) as it:
        return it.status, json.load(it)


@contextmanager
def load(team: Team, callers: int) -> Iterator[Counter[str]]:
    """Callers that ask one request after the other for as long as the block runs; what they got, by status."""
    got: Counter[str] = Counter()
    lock, over, named = threading.Lock(), threading.Event(), team.host("route", "coin")

    def ask() -> None:
        headers = {"Host": named, "Content-Type": "application/json"}
        while not over.is_set():
            request = urllib.request.Request(f"{team.ingress}/predict", b'{"number": 1}', headers)
            try:
                with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                    outcome = f"{answer.status} {json.load(answer)['release']}"
            except (urllib.error.URLError, OSError) as error:
                outcome = repr(error)
            with lock:
                got[outcome] += 1
            time.sleep(0.02)

    threads = [threading.Thread(target=ask) for _ in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield got
    finally:
        over.set()
        for thread in threads:
            thread.join()


def running(team: Team) -> list[str]:
    """The names of the pods that are not on their way out."""
    found = json.loads(team.kubectl("get", "pods", "-n", team.namespace, "-o", "json"))["items"]
    return [pod["metadata"]["name"] for pod in found if "deletionTimestamp" not in pod["metadata"]]


@contextmanager
def metrics(team: Team, pod: str) -> Iterator[Callable[[], str]]:
    """Yield a function that reads a pod's metrics, past every proxy."""
    command = ["kubectl", "port-forward", "-n", team.namespace, f"pod/{pod}", ":9464"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as forward:
        assert forward.stdout is not None
        port = forward.stdout.readline().split(":")[1].split()[0]

        def look() -> str:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
                return str(answer.read().decode())

        try:
            yield look
        finally:
            forward.terminate()


def test_metrics_are_for_who_asks_the_pod(live: Team) -> None:
    """A pod tells what it answered; by the Route there are no metrics, whatever a caller has its proxies drop."""
    _, answer = call(live, 1)
    with metrics(live, running(live)[0]) as look:
        release = f'model="coin",environment="test",release="{answer["release"]}"'
        assert f'slipway_predictions_total{{{release},outcome="heads"}} ' in look()
    for headers in ({}, {"Connection": "X-Forwarded-For"}, {"X-Forwarded-For": ""}):
        request = urllib.request.Request(
            f"{live.ingress}/metrics", headers={"Host": live.host("route", "coin"), **headers}
        )
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(request, timeout=PATIENCE)


def test_a_scrape_keeps_no_pod_alive(live: Team) -> None:
    """Looked at all the time, a function without requests goes to zero all the same."""
    call(live, 1)
    with metrics(live, running(live)[0]) as look:

        def idle() -> bool:
            if live.pods() == 0:
                return True
            look()
            return False

        live.until(idle, "there is no pod, though it is scraped")


def test_nothing_is_lost_while_pods_come_and_go(live: Team) -> None:
    """Scaled up and down, its pods deleted, replaced by another release: every request of the load is answered."""
    call(live, 1)
    with load(live, callers=2) as got:
        with load(live, callers=20) as more:
            live.until(lambda: live.pods() == 2, "there are two pods under load")
            live.until(lambda: sum(more.values()) > 200, "some requests were answered")
        live.until(lambda: live.pods() == 1, "one of the pods is gone again")
        for pod in running(live):
            live.kubectl("delete", "pod", pod, "-n", live.namespace, "--wait=false")
        before = sum(got.values())
        live.until(lambda: sum(got.values()) > before + 50, "requests are answered after the deletion")
        live.slipway("train", "coin", "-p", "side=tails")
        live.slipway("release", "coin", "--version", "2")
        live.sync()
        live.until(lambda: call(live, 1)[1]["prediction"] == "tails", "the new release answers")
        before = sum(got.values())
        live.until(lambda: sum(got.values()) > before + 50, "requests are answered by the new release")
    assert {outcome.split()[0] for outcome in got + more} == {"200"}, got + more
    assert len(got) == 2  # the two releases, and nothing else


def test_slow_request_is_finished_though_its_pod_is_deleted(live: Team) -> None:
    """A request of twenty seconds is answered by the pod that began it."""
    live.until(lambda: call(live, 1)[0] == 200 and len(running(live)) == 1, "there is one pod")
    got: list[tuple[int, Any]] = []
    slow = threading.Thread(target=lambda: got.append(call(live, 1020)))
    slow.start()
    (pod,) = running(live)
    with metrics(live, pod) as look:
        live.until(
            lambda: any("in_progress{" in at and at.endswith(" 1") for at in look().splitlines()), "it has begun"
        )
    live.kubectl("delete", "pod", pod, "-n", live.namespace, "--wait=false")
    slow.join()
    assert [status for status, _ in got] == [200]
