"""The outcome of a workflow's run is one line of JSON."""

import json

import pytest

from slipway.errors import OutOfReach
from slipway.github import failures
from slipway.store import Store, open_store
from slipway.training import outcome


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Make a store with a version of another run, and name the run of this process."""
    monkeypatch.setenv("SLIPWAY_RUN", "train-iris-7")
    monkeypatch.delenv("SLIPWAY_DISPATCH_TOKEN", raising=False)
    found = open_store("store", root=tmp_path, environment="test")
    publish(found, tmp_path, "train-iris-6")
    return found


def publish(store, folder, run):
    made = folder / "artifact"
    made.mkdir(exist_ok=True)
    (made / "model.txt").write_text(run)
    store.publish(
        "iris",
        made,
        record={
            "training": {"digest": "d" * 64, "run": run, "second_fit": {"result": "same"}},
            "metrics": {"accuracy": 0.9},
        },
    )


def test_a_run_that_published_names_its_version(store, tmp_path):
    """The line has the version and its metrics."""
    publish(store, tmp_path, "train-iris-7")
    (line,) = outcome.lines(store, "iris", "Succeeded", 61.26)
    assert json.loads(line) == {
        "severity": "INFO",
        "message": "train-iris-7 Succeeded after 61 s",
        "model": "iris",
        "environment": "test",
        "run": "train-iris-7",
        "phase": "Succeeded",
        "seconds": 61.3,
        "model_id": "iris/test/2",
        "metrics": {"accuracy": 0.9},
        "second_fit": "a second fit gave the same artifact",
    }


@pytest.mark.parametrize("twice", [False, True], ids=["as it is", "quoted once more"])
def test_a_run_that_failed_names_its_steps(store, monkeypatch, twice):
    """The line has the failed steps and their messages, and no version."""
    around = [{"templateName": "train", "message": "child 'x' failed", "displayName": name} for name in ("[4]", "x")]
    tried = {"templateName": "evaluate", "message": "a gate is missed", "displayName": "evaluate(0)"}
    failures = json.dumps([around[0], tried, around[1]])
    monkeypatch.setenv("SLIPWAY_FAILURES", json.dumps(failures) if twice else failures)
    (line,) = outcome.lines(store, "iris", "Failed", 5)
    told = json.loads(line)
    assert told["severity"] == "ERROR"
    assert told["failures"] == [{"step": "evaluate", "message": "a gate is missed"}]
    assert "model_id" not in told


def test_a_run_without_a_name_is_the_training(store, monkeypatch):
    """The message has a subject where nothing names the run."""
    monkeypatch.delenv("SLIPWAY_RUN")
    (line,) = outcome.lines(store, "iris", "Failed", 3)
    assert json.loads(line)["message"] == "the training Failed after 3 s"


@pytest.mark.parametrize("failures", ["", "null", "[]", "not JSON", '["text"]'])
def test_failures_that_cannot_be_read_are_left_out(store, monkeypatch, failures):
    """The line still tells how the run ended."""
    monkeypatch.setenv("SLIPWAY_FAILURES", failures)
    (line,) = outcome.lines(store, "iris", "Error", 5)
    assert "failures" not in json.loads(line)


def test_a_store_that_cannot_be_reached_is_a_problem_in_the_line(store, monkeypatch):
    """The line has the problem, and the command succeeds."""

    def fail(*_):
        raise OutOfReach("the bucket cannot be reached")

    monkeypatch.setattr(Store, "versions", fail)
    (line,) = outcome.lines(store, "iris", "Succeeded", 5)
    assert json.loads(line)["problem"] == "the bucket cannot be reached"


def test_a_version_is_announced(store, tmp_path, monkeypatch):
    """A token is needed. The result of the announcement is told, and does not fail the command."""
    publish(store, tmp_path, "train-iris-7")
    monkeypatch.setattr(failures, "PAUSE", 0.01)
    monkeypatch.setenv("SLIPWAY_DISPATCH_TOKEN", "made-up")
    monkeypatch.setenv("GITHUB_REPOSITORY", "team/models")
    monkeypatch.setenv("GITHUB_API_URL", "http://127.0.0.1:1")
    lines = list(outcome.lines(store, "iris", "Succeeded", 5))
    assert len(lines) == 2 and lines[1].startswith("slipway-version could not be announced")


# As Argo 3.7 gave it.
MISSED = """main: Error (exit code 1): error: a gate is missed: profit 0
  → train it better; nothing was published
time="2026-11-21T20:28:15.769Z" level=info msg="sub-process exited" argo=true error="<nil>"
time="2026-11-21T20:28:15.770Z" level=info msg="no need to save artifact" argo=true
Error: exit status 1
"""


@pytest.mark.parametrize(
    ("message", "left"),
    [
        (MISSED, "error: a gate is missed: profit 0\n  → train it better; nothing was published"),
        ("main: Error (exit code 1)", "main: Error (exit code 1)"),
        ("main: OOMKilled (exit code 137)", "main: OOMKilled (exit code 137)"),
        ("pod deleted", "pod deleted"),
        ("", ""),
    ],
)
def test_the_message_of_a_step_is_found(message, left):
    """The step's own lines are preferred to Argo's message."""
    assert outcome.reason(message) == left
