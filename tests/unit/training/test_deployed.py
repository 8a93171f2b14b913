"""The deployed version is found and asked."""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from slipway.artifacts import worker
from slipway.errors import SlipwayError
from slipway.store import open_store
from slipway.training import deployed
from tests.unit.serving import tiny


@pytest.fixture
def store(team):
    """Make a store with two versions of the model, none of them released."""
    found = open_store("store/test", root=team.root, environment="test")
    for number in (1, 2):
        folder = team.root / f"artifact-{number}"
        folder.mkdir()
        (folder / "artifact.json").write_text(str(number))
        found.publish("fruit", folder)
    return found


@pytest.mark.parametrize(("told", "version"), [("1", 1), ("2", 2), ("7", None), ("", None)])
def test_the_environment_names_it_where_there_is_no_work_tree(team, store, monkeypatch, told, version):
    """A model is compared with nothing if it was never deployed, or if the store lacks its version."""
    monkeypatch.setenv("SLIPWAY_DEPLOYED", told)
    found = deployed.record(team.settings, "fruit", "test")
    assert (found and found.version) == version
    assert store.versions("fruit") == [1, 2]


def test_a_deployed_version_that_is_no_number_is_refused(team, monkeypatch):
    """The gate would be judged without its comparison."""
    monkeypatch.setenv("SLIPWAY_DEPLOYED", "v7")
    with pytest.raises(SlipwayError, match="SLIPWAY_DEPLOYED is 'v7'"):
        deployed.record(team.settings, "fruit", "test")


@pytest.fixture
def function():
    """Serve a function whose version a test sets."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked += 1
            told = {"model_id": server.model_id, "release": "v2-0", "artifact": "", "fingerprint": ""}
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(told).encode())

        def log_message(self, *_): ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked, server.model_id = 0, "fruit/test/2"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


GATE = "models:\n  fruit: {gates: {accuracy: {worse_by: 0.1}}}\n"


@pytest.mark.parametrize(
    ("model_id", "version"),
    [("fruit/test/2", 2), ("fruit/test/9", None), ("fruit/prod/2", 1), ("other/test/2", 1), ("none", 1)],
)
@pytest.mark.usefixtures("store")
def test_the_answering_version_goes_before_the_declared_one(team, function, monkeypatch, model_id, version):
    """It counts if it is of this model and environment; otherwise the declaration counts."""
    team.configure(GATE)
    monkeypatch.setenv("SLIPWAY_DEPLOYED", "1")
    monkeypatch.setenv("SLIPWAY_DEPLOYED_AT", f"http://127.0.0.1:{function.server_port}")
    function.model_id = model_id
    found = deployed.record(team.settings, "fruit", "test")
    assert (found and found.version) == version


@pytest.mark.usefixtures("store")
def test_a_function_that_does_not_answer_stops_no_training(team, monkeypatch):
    """Training goes on, as nothing may be released yet."""
    team.configure(GATE)
    monkeypatch.setenv("SLIPWAY_DEPLOYED", "1")
    monkeypatch.setenv("SLIPWAY_DEPLOYED_AT", "http://127.0.0.1:1")
    assert deployed.record(team.settings, "fruit", "test").version == 1


def test_the_newest_verified_version_stands_for_a_silent_function(team, store, monkeypatch):
    """A function may refuse access; then the newest verified version counts."""
    team.configure(GATE)
    monkeypatch.setenv("SLIPWAY_DEPLOYED", "")
    monkeypatch.setenv("SLIPWAY_DEPLOYED_AT", "http://127.0.0.1:1")
    assert deployed.record(team.settings, "fruit", "test") is None
    for release in ("v1-1a2b3c4d", "v2-1a2b3c4d"):
        store.verify("fruit", release, {"by": "ada", "when": "now", "where": "here"})
    assert deployed.record(team.settings, "fruit", "test").version == 2


@pytest.mark.usefixtures("store")
def test_a_function_is_asked_only_for_a_gate(team, function, monkeypatch):
    """It is asked only if a gate compares with it."""
    monkeypatch.setenv("SLIPWAY_DEPLOYED", "1")
    monkeypatch.setenv("SLIPWAY_DEPLOYED_AT", f"http://127.0.0.1:{function.server_port}")
    assert deployed.record(team.settings, "fruit", "test").version == 1
    assert function.asked == 0


@pytest.mark.parametrize("where", ["import os", "prices = []"])
def test_a_deployed_version_that_prints_is_asked_all_the_same(tmp_path, where):
    """Text that the model prints is not part of the answer."""
    code = tiny.CODE.replace(where, f"{where}\n{' ' * 8 * where.startswith('p')}print('loaded')")
    settings = tiny.repository(tmp_path / "repository")
    store = open_store("store/test", root=settings.root, environment="test")
    record = store.publish("tiny", tiny.artifact(tmp_path / "artifact", code=code))
    folder = store.fetch(record, tmp_path / "fetched")
    assert worker.predictions(sys.executable, folder, tiny.ROWS) == tiny.PREDICTIONS
    with pytest.raises(SlipwayError, match="weight"):
        worker.predictions(sys.executable, folder, [{"weight": "heavy"}])
