"""The version that a training compares with."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from slipway.errors import SlipwayError
from slipway.store import open_store
from slipway.training import deployed
from tests.unit.serving import tiny


@pytest.fixture
def store(team):
    """A store with two versions of the model, none of them released."""
    found = open_store("store/test", root=team.root, environment="test")
    for number in (1, 2):
        folder = team.root / f"artifact-{number}"
        folder.mkdir()
        (folder / "artifact.json").write_text(str(number))
        found.publish("fruit", folder)
    return found


@pytest.mark.parametrize(("told", "version"), [("1", 1), ("2", 2), ("7", None), ("", None)])
def test_the_environment_names_it_where_there_is_no_work_tree(team, store, monkeypatch, told, version):
    """A model that was never deployed, or whose version the store has not, is compared with nothing."""
    monkeypatch.setenv("SLIPWAY_DEPLOYED", told)
    found = deployed.record(team.settings, "fruit", "test")
    assert (found and found.version) == version
    assert store.versions("fruit") == [1, 2]


def test_what_is_no_version_is_refused(team, monkeypatch):
    """Rather than trained without the comparison that a gate asks for."""
    monkeypatch.setenv("SLIPWAY_DEPLOYED", "v7")
    with pytest.raises(SlipwayError, match="SLIPWAY_DEPLOYED is 'v7'"):
        deployed.record(team.settings, "fruit", "test")


@pytest.fixture
def function():
    """A function that answers as the version that a test puts into it."""

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
def test_what_answers_now_goes_before_what_was_declared(team, function, monkeypatch, model_id, version):
    """If it is of this model and environment; else what the declaration said holds."""
    team.configure(GATE)
    monkeypatch.setenv("SLIPWAY_DEPLOYED", "1")
    monkeypatch.setenv("SLIPWAY_DEPLOYED_AT", f"http://127.0.0.1:{function.server_port}")
    function.model_id = model_id
    found = deployed.record(team.settings, "fruit", "test")
    assert (found and found.version) == version


@pytest.mark.usefixtures("store")
def test_a_function_that_does_not_answer(team, monkeypatch):
    """Fails no training: nothing may have been released yet."""
    team.configure(GATE)
    monkeypatch.setenv("SLIPWAY_DEPLOYED", "1")
    monkeypatch.setenv("SLIPWAY_DEPLOYED_AT", "http://127.0.0.1:1")
    assert deployed.record(team.settings, "fruit", "test").version == 1


def test_what_was_verified_stands_for_a_function_that_does_not_tell(team, store, monkeypatch):
    """One that lets nobody in, say, whose training was declared before anything was deployed: the newest version."""
    team.configure(GATE)
    monkeypatch.setenv("SLIPWAY_DEPLOYED", "")
    monkeypatch.setenv("SLIPWAY_DEPLOYED_AT", "http://127.0.0.1:1")
    assert deployed.record(team.settings, "fruit", "test") is None
    for release in ("v1-1a2b3c4d", "v2-1a2b3c4d"):
        store.verify("fruit", release, {"by": "ada", "when": "now", "where": "here"})
    assert deployed.record(team.settings, "fruit", "test").version == 2


@pytest.mark.usefixtures("store")
def test_a_function_is_not_woken_in_vain(team, function, monkeypatch):
    """Where no gate compares with it, it is not asked."""
    monkeypatch.setenv("SLIPWAY_DEPLOYED", "1")
    monkeypatch.setenv("SLIPWAY_DEPLOYED_AT", f"http://127.0.0.1:{function.server_port}")
    assert deployed.record(team.settings, "fruit", "test").version == 1
    assert function.asked == 0


@pytest.mark.parametrize("where", ["import os", "prices = []"])
def test_a_deployed_version_that_prints_is_asked_all_the_same(tmp_path, where):
    """At import or at each question: what it prints is no answer."""
    code = tiny.CODE.replace(where, f"{where}\n{' ' * 8 * where.startswith('p')}print('loaded')")
    settings = tiny.repository(tmp_path / "repository")
    store = open_store("store/test", root=settings.root, environment="test")
    record = store.publish("tiny", tiny.artifact(tmp_path / "artifact", code=code))
    assert deployed.predictions(settings, record, tiny.ROWS) == tiny.PREDICTIONS
    assert deployed.predictions(settings, record, [{"weight": "heavy"}]) is None
