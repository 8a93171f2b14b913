"""The service answers requests."""

import io
import tarfile
from concurrent.futures import ThreadPoolExecutor

import pytest

from slipway import digests
from slipway.errors import OutOfReach, SlipwayError
from slipway.store import Store
from slipway.training.service.runs import Run
from slipway.training.service.service import MAX_BODY, Download
from tests.unit.training.service.conftest import PARAMETERS, Asked


def test_what_it_says_of_itself(asked: Asked) -> None:
    """Model, environment and parameters; no run and no artifact while there are none."""
    status, told = asked.ask("GET", "/")
    assert (status, told["status"]) == (200, "ok")
    expected = {"model": "iris", "environment": "test", "parameters": PARAMETERS, "run": None, "artifact": None}
    assert told["training"] == expected
    assert "POST /start" in told["endpoints"]


def test_the_last_run_and_the_newest_artifact(asked: Asked) -> None:
    """As `GET /` tells them: with what the artifact was trained on, and how good it is."""
    asked.publish(training={"digest": "d" * 64, "run": "train-iris-7", "parameters": {"c": 0.5}}, metrics={"r2": 0.9})
    asked.runs.runs.append(Run("train-iris-7", "Succeeded", finished="2026-11-21T10:00:00Z"))
    told = asked.ask("GET", "/")[1]["training"]
    assert told["run"]["name"] == "train-iris-7"
    assert (told["artifact"]["model_id"], told["artifact"]["run"]) == ("iris/test/1", "train-iris-7")
    assert told["artifact"]["digest"] == asked.store.find("iris").artifact.digest
    assert (told["artifact"]["metrics"], told["artifact"]["parameters"]) == ({"r2": 0.9}, {"c": 0.5})


def test_a_training_is_started_as_it_was_asked_for(asked: Asked) -> None:
    """Each parameter of its type, a whole number for a quantity too; the answer says where to look."""
    content = {"parameters": {"c": 2, "fast": False, "solver": "o'clock"}, "data": "gs://bucket/new.csv"}
    found = asked.raw("POST", "/start", __import__("json").dumps(content).encode())
    assert (found.status, found.headers["location"]) == (202, "/finished?run=train-iris-0")
    ((parameters, data),) = asked.runs.started
    assert parameters == {"c": 2.0, "fast": False, "solver": "o'clock"} and type(parameters["c"]) is float
    assert data == "gs://bucket/new.csv"


def test_nothing_has_to_be_said(asked: Asked) -> None:
    """A POST without a body trains with what the settings say."""
    assert asked.ask("POST", "/start")[0] == 202
    assert asked.runs.started == [({}, None)]


def test_one_training_at_a_time(asked: Asked) -> None:
    """Of many that ask at once, one is told that it starts; when it is over, the next may."""
    with ThreadPoolExecutor(8) as pool:
        found = [answer.status for answer in pool.map(lambda _: asked.raw("POST", "/start"), range(16))]
    assert sorted(found) == [202] + 15 * [409]
    assert asked.refused("POST", "/start")[1] == "under_way"
    asked.runs.runs[0] = asked.runs.runs[0]._replace(phase="Failed")
    assert asked.ask("POST", "/start")[0] == 202


def test_whether_it_is_finished(asked: Asked) -> None:
    """Of the last run, or the one that is named; with the version that came of it, and no other."""
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


def test_how_a_run_failed(asked: Asked) -> None:
    """In the words of the step; no artifact came of it."""
    asked.runs.runs.append(Run("train-iris-0", "Failed", "evaluate: a gate is missed"))
    told = asked.ask("GET", "/finished")[1]
    assert told["finished"] and told["training"]["artifact"] is None
    assert told["training"]["run"]["message"] == "evaluate: a gate is missed"


def unpacked(found: Download) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(found.file.read_bytes())) as archive:
        return {each.name: archive.extractfile(each).read() for each in archive.getmembers()}


def test_the_newest_artifact_or_another(asked: Asked) -> None:
    """As an archive with its digest, the same bytes each time."""
    assert asked.refused("GET", "/getmodel")[:2] == (404, "no_version")
    asked.publish("one")
    asked.publish("two")
    found = [asked.raw("GET", path) for path in ("/getmodel", "/getmodel", "/getmodel?version=1")]
    assert found[0].file.read_bytes() == found[1].file.read_bytes()
    assert unpacked(found[0]) == {"iris-test-2/model.txt": b"two"}
    assert unpacked(found[2]) == {"iris-test-1/model.txt": b"one"}
    digest = digests.of_files({"model.txt": digests.of_bytes(b"two")})
    assert (found[0].headers["x-artifact-digest"], found[0].headers["x-model-id"]) == (digest, "iris/test/2")
    assert int(found[0].headers["content-length"]) == found[0].file.stat().st_size


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
def test_what_there_is_not(asked: Asked, method: str, path: str, status: int, code: str) -> None:
    """Is told plainly, in the JSON form of all errors."""
    asked.publish()
    assert asked.refused(method, path)[:2] == (status, code)


def test_a_body_that_is_none_of_its_kind(asked: Asked) -> None:
    """Another type, and one that is too large before it was read."""
    assert asked.refused("POST", "/start", {}, content_type="text/csv")[0] == 415
    assert asked.refused("POST", "/start", {}, content_length=str(MAX_BODY + 1))[0] == 413


def test_a_place_that_cannot_be_reached(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is not the caller's fault, and said with what to do; the answer has the request's own id."""

    def fail(*_: object) -> list[int]:
        raise OutOfReach("the bucket cannot be reached", fix="try again")

    monkeypatch.setattr(Store, "versions", fail)
    found = asked.raw("GET", "/", x_request_id="abc")
    assert (found.status, found.headers["retry-after"], found.headers["x-request-id"]) == (503, "30", "abc")
    assert asked.refused("GET", "/") == (503, "out_of_reach", "the bucket cannot be reached; try again")


def test_what_the_cluster_refuses(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """A right that is missing is an administrator's matter: 503, in the cluster's words."""

    def fail(*_: object) -> None:
        raise SlipwayError("the cluster lets nobody create a workflow here (403)")

    monkeypatch.setattr(asked.runs, "start", fail)
    assert asked.refused("POST", "/start")[:2] == (503, "refused")


def test_a_fault_of_its_own(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is logged under the request's id, and the caller gets that and no traceback."""
    monkeypatch.setattr(asked.runs, "last", lambda: 1 / 0)
    status, code, message = asked.refused("GET", "/", x_request_id="abc")
    assert (status, code) == (500, "internal")
    assert "abc" in message and "Zero" not in message
