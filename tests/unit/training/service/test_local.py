"""The service on this machine, over HTTP: the whole way of a training."""

import base64
import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest

from slipway import settings
from slipway.training.service import local
from slipway.training.service.app import MAX_BODY

ROOT = Path(__file__).parents[4]
COIN = '''
from slipway.model import Model


class Coin(Model):
    """Predict the same for every row."""

    source_features = ["number"]
    target_variable = "side"
    parameters = {"side": "heads", "bias": 1.0}

    def train(self, data):
        self.side = self.parameters["side"]

    def predict(self, rows):
        return [self.side for row in rows]
'''


class Caller(NamedTuple):
    service: local.LocalService

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        status, content = self.raw(method, path, body, **headers)
        return status, json.loads(content)

    def raw(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, bytes]:
        parts = urlsplit(self.service.server.url)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=60)
        token = base64.b64encode(f"{self.service.name}:{self.service.password}".encode()).decode()
        given = {"Authorization": f"Basic {token}", **headers}
        try:
            connection.request(method, path, body, given)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def finished(self) -> dict[str, Any]:
        """Wait until the run is over; return what the service tells of it."""
        deadline = time.monotonic() + 300
        while not (told := self.ask("GET", "/finished")[1])["finished"]:
            assert time.monotonic() < deadline, told
            time.sleep(0.2)
        found: dict[str, Any] = told["training"]
        return found


@pytest.fixture(scope="module")
def caller(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """Serve the trainings of the model `coin`; its steps run as processes."""
    root = tmp_path_factory.mktemp("team")
    folder = root / "model" / "coin"
    folder.mkdir(parents=True)
    (root / "requirements.lock").write_text((ROOT / "requirements.lock").read_text())
    (root / "slipway.yaml").write_text("environments:\n  test: {store: store, namespace: slipway-test}\n")
    (folder / "model.py").write_text(COIN)
    (folder / "requirements.txt").write_text("")
    (folder / "test_model.py").write_text("def test_it():\n    pass\n")
    rows = [f"{number},{('heads', 'tails')[number % 2]}" for number in range(40)]
    (folder / "coin.csv").write_text("\n".join(["number,side", *rows]) + "\n")
    with local.serve(settings.load(root), "coin", "test") as service:
        yield Caller(service)


@pytest.mark.long(10)
def test_a_training_publishes_a_version(caller: Caller) -> None:
    """It has its parameters, runs alone, and can be downloaded."""
    assert caller.ask("GET", "/")[1]["training"]["parameters"] == {"side": "heads", "bias": 1.0}
    status, told = caller.ask("POST", "/start", b'{"parameters": {"side": "tails"}}')
    assert status == 202
    assert caller.ask("POST", "/start")[0] == 409
    found = caller.finished()
    assert (found["run"]["name"], found["run"]["phase"]) == (told["training"]["run"]["name"], "Succeeded")
    assert (found["artifact"]["model_id"], found["artifact"]["parameters"]) == ("coin/test/1", {"side": "tails"})
    status, archive = caller.raw("GET", "/getmodel")
    assert (status, archive[:2]) == (200, b"\x1f\x8b")
    assert caller.raw("HEAD", "/getmodel") == (200, b"")


def test_a_failed_training_publishes_nothing(caller: Caller) -> None:
    """The run has the reason."""
    assert caller.ask("POST", "/start", b'{"data": "nowhere.csv"}')[0] == 202
    found = caller.finished()
    assert (found["run"]["phase"], found["artifact"]) == ("Failed", None)
    assert "nowhere.csv" in found["run"]["message"]


def test_large_bodies_are_refused(caller: Caller) -> None:
    """By their announced length, and by their pieces where no length is announced."""
    assert caller.ask("POST", "/start", b"x" * (MAX_BODY + 1))[0] == 413
    pieces = (b"x" * 1024 for _ in range(MAX_BODY // 1024 + 8))
    assert caller.ask("POST", "/start", pieces)[0] == 413


@pytest.mark.long(2)
def test_unknown_callers_are_refused(caller: Caller) -> None:
    """Name and password are needed, except for health."""
    assert caller.ask("GET", "/", Authorization="")[0] == 401
    assert caller.ask("POST", "/start", b"{", Authorization="")[0] == 401
    assert caller.ask("GET", "/health/ready", Authorization="") == (200, {"status": "ok"})
    assert caller.ask("GET", "/favicon.ico")[0] == 404
