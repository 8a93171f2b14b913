"""The training service: what it starts from, its callers, and its answers."""

import base64
import json
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from slipway import digests
from slipway.errors import OutOfReach, SlipwayError
from slipway.serving.answers import Answer
from slipway.store import Store
from slipway.training.service import app
from slipway.training.service.app import MAX_BODY
from slipway.training.service.runs import LocalRuns, Run
from tests.unit.training.service.conftest import NAME, PARAMETERS, PASSWORD, Asked, basic

GIVEN = {
    "SLIPWAY_ACCESS": "/etc/slipway/access",
    "SLIPWAY_ENVIRONMENT": "test",
    "SLIPWAY_MODEL": "iris",
    "SLIPWAY_PARAMETERS": '{"c": 1.0}',
    "SLIPWAY_STORE": "gs://team/test",
}


@pytest.fixture(autouse=True)
def given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set all variables that the service needs."""
    monkeypatch.delenv("SLIPWAY_CLUSTER", raising=False)
    for name, value in GIVEN.items():
        monkeypatch.setenv(name, value)


def test_runs_are_local_without_a_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Trainings run as processes here, and no bucket is called."""
    monkeypatch.setenv("SLIPWAY_ROOT", str(tmp_path))
    found = app.load()
    assert isinstance(found.runs, LocalRuns) and found.runs.root == tmp_path
    assert found.identity == ("iris", "test", {"c": 1.0})


def test_a_cluster_without_a_token_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error names the folder and the manifest that mounts a token."""
    monkeypatch.setenv("SLIPWAY_CLUSTER", str(tmp_path))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")
    with pytest.raises(SlipwayError, match="is not what a pod gets to speak with its cluster") as caught:
        app.load()
    assert "workflows/train/service" in caught.value.fix


@pytest.mark.parametrize("name", [name for name in GIVEN if name != "SLIPWAY_PARAMETERS"])
def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """The error says which variable is not set."""
    monkeypatch.delenv(name)
    with pytest.raises(SlipwayError, match=f"{name} is not set"):
        app.load()


@pytest.mark.parametrize("text", ["[]", '{"c": {"d": 1}}', "c=1"])
def test_invalid_parameters_are_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """A JSON object of names and plain values, or lists of them, is needed."""
    monkeypatch.setenv("SLIPWAY_PARAMETERS", text)
    with pytest.raises(SlipwayError, match="SLIPWAY_PARAMETERS is no JSON object"):
        app.load()


def test_a_failed_start_logs_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The line is JSON with the reason, without a traceback."""
    monkeypatch.delenv("SLIPWAY_MODEL")
    with pytest.raises(SystemExit) as caught:
        app.start()
    said = capsys.readouterr().err
    assert caught.value.code == 1
    assert said.count("\n") == 1 and '"the function does not start: SLIPWAY_MODEL is not set"' in said


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !!!",
        "Bearer token",
        basic(NAME, "wrong"),
        basic("wrong", PASSWORD),
        basic(NAME, ""),
        basic("", ""),
        basic(NAME, PASSWORD + "x"),
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + "A" * 10_000,
    ],
)
def test_unknown_callers_are_refused_on_every_path(asked: Asked, header: str) -> None:
    """The answer is 401 for unknown paths too, and says how to authenticate."""
    for path in ("/", "/start", "/nowhere"):
        found = asked.raw("POST" if path == "/start" else "GET", path, authorization=header)
        assert (found.status, found.headers["www-authenticate"][:5]) == (401, "Basic")
    assert not asked.runs.started


def test_the_scheme_basic_is_read_in_any_case(asked: Asked) -> None:
    """RFC 7617 makes the scheme case-insensitive."""
    assert asked.ask("GET", "/", authorization=basic(NAME, PASSWORD).replace("Basic", "BASIC"))[0] == 200


def test_health_needs_no_password(asked: Asked) -> None:
    """Kubernetes has no password."""
    assert [asked.ask("GET", f"/health/{name}", authorization="")[0] for name in ("live", "ready")] == [200, 200]


def test_a_new_password_holds_at_once(asked: Asked) -> None:
    """The old one is refused. A line break at the end is no part of a password."""
    asked.let_in("eve", "new\n")
    assert asked.ask("GET", "/", authorization=basic("eve", "new"))[0] == 200
    assert asked.ask("GET", "/")[0] == 401


@pytest.mark.parametrize("missing", ["username", "password"])
def test_without_a_password_every_caller_is_refused(asked: Asked, missing: str) -> None:
    """An empty password is refused too."""
    (asked.access / missing).unlink()
    for header in (basic("", ""), basic(NAME, PASSWORD), basic(NAME, ""), ""):
        assert asked.refused("GET", "/", authorization=header)[:2] == (503, "no_access_set")
    (asked.access / missing).write_text("\n")
    assert asked.refused("GET", "/", authorization=basic("", ""))[:2] == (503, "no_access_set")


def test_description_names_model_environment_and_parameters(asked: Asked) -> None:
    """Run and artifact are null before the first training."""
    status, told = asked.ask("GET", "/")
    assert (status, told["status"]) == (200, "ok")
    expected = {"model": "iris", "environment": "test", "parameters": PARAMETERS, "run": None, "artifact": None}
    assert told["training"] == expected
    assert "POST /start" in told["endpoints"]


def test_description_has_the_last_run_and_the_newest_artifact(asked: Asked) -> None:
    """The artifact has its run, parameters and metrics."""
    asked.publish(training={"digest": "d" * 64, "run": "train-iris-7", "parameters": {"c": 0.5}}, metrics={"r2": 0.9})
    asked.runs.runs.append(Run("train-iris-7", "Succeeded", finished="2026-11-21T10:00:00Z"))
    told = asked.ask("GET", "/")[1]["training"]
    assert told["run"]["name"] == "train-iris-7"
    assert (told["artifact"]["model_id"], told["artifact"]["run"]) == ("iris/test/1", "train-iris-7")
    assert told["artifact"]["digest"] == asked.store.find("iris").artifact.digest
    assert (told["artifact"]["metrics"], told["artifact"]["parameters"]) == ({"r2": 0.9}, {"c": 0.5})


def test_start_passes_parameters_and_data(asked: Asked) -> None:
    """Each parameter has its declared type, and the answer has the address of the run."""
    content = {"parameters": {"c": 2, "fast": False, "solver": "o'clock"}, "data": "gs://bucket/new.csv"}
    found = asked.raw("POST", "/start", json.dumps(content).encode())
    assert (found.status, found.headers["location"]) == (202, "/finished?run=train-iris-0")
    ((parameters, data),) = asked.runs.started
    assert parameters == {"c": 2.0, "fast": False, "solver": "o'clock"} and type(parameters["c"]) is float
    assert data == "gs://bucket/new.csv"


def test_start_needs_no_body(asked: Asked) -> None:
    """An empty POST trains with the settings."""
    assert asked.ask("POST", "/start")[0] == 202
    assert asked.runs.started == [({}, None)]


def test_one_training_runs_at_a_time(asked: Asked) -> None:
    """Of many requests at once, one starts a run; the next may start when it is over."""
    with ThreadPoolExecutor(8) as pool:
        found = [answer.status for answer in pool.map(lambda _: asked.raw("POST", "/start"), range(16))]
    assert sorted(found) == [202] + 15 * [409]
    assert asked.refused("POST", "/start")[1] == "under_way"
    asked.runs.runs[0] = asked.runs.runs[0]._replace(phase="Failed")
    assert asked.ask("POST", "/start")[0] == 202


def test_finished_tells_of_the_last_or_the_named_run(asked: Asked) -> None:
    """It has the version of that run, and of no other."""
    assert asked.refused("GET", "/finished")[:2] == (404, "no_run")
    asked.publish("older", training={"digest": "d" * 64, "run": "train-iris-old"})
    asked.ask("POST", "/start")
    told = asked.ask("GET", "/finished")[1]
    assert (told["finished"], told["training"]["artifact"]) == (False, None)
    asked.publish("newer", training={"digest": "d" * 64, "run": "train-iris-0"})
    asked.publish("newest", training={"digest": "d" * 64, "run": "another"})
    asked.runs.runs[0] = asked.runs.runs[0]._replace(phase="Succeeded")
    told = asked.ask("GET", "/finished?run=train-iris-0")[1]
    assert (told["finished"], told["training"]["artifact"]["version"]) == (True, 2)
    assert asked.refused("GET", "/finished?run=other")[:2] == (404, "no_run")


def test_finished_has_the_message_of_a_failed_run(asked: Asked) -> None:
    """A failed run has no artifact."""
    asked.runs.runs.append(Run("train-iris-0", "Failed", "evaluate: a gate is missed"))
    told = asked.ask("GET", "/finished")[1]
    assert told["finished"] and told["training"]["artifact"] is None
    assert told["training"]["run"]["message"] == "evaluate: a gate is missed"


def unpacked(found: Answer) -> dict[str, bytes]:
    with tarfile.open(fileobj=found.file) as archive:
        return {each.name: archive.extractfile(each).read() for each in archive.getmembers()}


def test_getmodel_sends_the_newest_or_the_named_version(asked: Asked) -> None:
    """The archive has the same bytes each time, and headers name its digest."""
    assert asked.refused("GET", "/getmodel")[:2] == (404, "no_version")
    asked.publish("one")
    asked.publish("two")
    found = [asked.raw("GET", path) for path in ("/getmodel", "/getmodel", "/getmodel?version=1")]
    content = found[0].file.read()
    assert content == found[1].file.read()
    assert int(found[0].headers["content-length"]) == len(content)
    found[0].file.seek(0)
    assert unpacked(found[0]) == {"iris-test-2/model.txt": b"two"}
    assert unpacked(found[2]) == {"iris-test-1/model.txt": b"one"}
    digest = digests.of_files({"model.txt": digests.of_bytes(b"two")})
    assert (found[0].headers["x-artifact-digest"], found[0].headers["x-model-id"]) == (digest, "iris/test/2")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/getmodel?version=9", 404, "no_version"),
        ("GET", "/getmodel?version=latest", 400, "invalid_version"),
        ("GET", "/getmodel?version=-1", 400, "invalid_version"),
        ("GET", "/getmodel?" + "&".join(f"a{n}=1" for n in range(50)), 400, "invalid_query"),
        ("GET", "/favicon.ico", 404, "not_found"),
        ("GET", "/start", 405, "method_not_allowed"),
        ("DELETE", "/", 405, "method_not_allowed"),
    ],
)
def test_unknown_paths_methods_and_versions_are_refused(
    asked: Asked, method: str, path: str, status: int, code: str
) -> None:
    """Each refusal has its status and code in JSON."""
    asked.publish()
    assert asked.refused(method, path)[:2] == (status, code)


def test_other_content_types_and_large_bodies_are_refused(asked: Asked) -> None:
    """The headers decide, before the body is read."""
    assert asked.refused("POST", "/start", {}, content_type="text/csv")[0] == 415
    assert asked.refused("POST", "/start", {}, content_length=str(MAX_BODY + 1))[0] == 413


def test_an_unreachable_store_is_answered_with_503(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer says when to retry, and has the id of the request."""

    def fail(*_: object) -> list[int]:
        raise OutOfReach("the bucket cannot be reached", fix="try again")

    monkeypatch.setattr(Store, "versions", fail)
    found = asked.raw("GET", "/", x_request_id="abc")
    assert (found.status, found.headers["retry-after"], found.headers["x-request-id"]) == (503, "30", "abc")
    assert asked.refused("GET", "/") == (503, "out_of_reach", "the bucket cannot be reached; try again")


def test_a_refusal_of_the_cluster_is_answered_with_503(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing right is for an administrator to grant."""

    def fail(*_: object) -> None:
        raise SlipwayError("the cluster lets nobody create a workflow here (403)")

    monkeypatch.setattr(asked.runs, "start", fail)
    assert asked.refused("POST", "/start")[:2] == (503, "refused")


def test_an_unforeseen_error_is_answered_with_500(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer has the request id, and only the log has the traceback."""
    monkeypatch.setattr(asked.runs, "last", lambda: 1 / 0)
    status, code, message = asked.refused("GET", "/", x_request_id="abc")
    assert (status, code) == (500, "internal")
    assert "abc" in message and "Zero" not in message
