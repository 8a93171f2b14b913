"""`slipway train` as a person calls it: in the model's own environment, from wherever the person stands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from slipway.cli import main
from slipway.models import environment
from slipway.models.scaffold import new_model
from slipway.settings import load
from slipway.training.run import STEPS


@pytest.fixture
def repository(tmp_path):
    """A repository with one model in it, without git."""
    (tmp_path / "slipway.yaml").write_text("environments:\n  test: {store: store, namespace: slipway-test}\n")
    lock = Path(__file__).parents[3] / "requirements.lock"
    (tmp_path / "requirements.lock").write_bytes(lock.read_bytes())
    new_model(load(tmp_path), "fruit")
    return tmp_path


def slipway(*words, cwd):
    env = {name: value for name, value in os.environ.items() if not name.startswith("SLIPWAY_")}
    command = [sys.executable, "-P", "-m", "slipway", *words]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def test_training_from_the_models_own_folder(repository):
    """The modules beside the user do not hide the platform's or the model's, and each step is told."""
    folder = repository / "model" / "fruit"
    (folder / "numpy.py").write_text("raise SystemExit('the wrong numpy')\n")
    (folder / "test_model.py").write_text("import numpy\n\n\ndef test_nothing():\n    pass\n")
    done = slipway("train", "fruit", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "published fruit/test/1" in done.stdout
    assert [line.split()[0] for line in done.stderr.splitlines()] == list(STEPS)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["train", "fruits"], "did you mean 'fruit'?"),
        (["train", "fruit", "--env", "tset"], "did you mean 'test'?"),
        (["train", "fruit", "-p", "maxiter=3"], "did you mean 'max_iter'?"),
        (["step", "fitt", "--out", "x"], "did you mean 'fit'?"),
        (["step", "fit", "--out", "x"], "give --in DIR"),
        (["step", "fit", "--in", "nowhere", "--out", "x"], "holds no run"),
        (["step", "fetch", "--model", "fruit", "--out", "model"], "holds something else"),
    ],
)
def test_a_mistake_is_told_without_a_traceback(repository, words, says):
    """What is wrong and what to do instead, exit status 1, and nothing changed."""
    done = slipway(*words, cwd=repository)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (repository / "store").exists()
    assert (repository / "model" / "fruit" / "model.py").is_file()


def test_a_store_out_of_reach_has_a_status_of_its_own(repository, monkeypatch):
    """So that a workflow tries again what may get better, and nothing else."""
    (repository / "slipway.yaml").write_text("environments:\n  test: {store: gs://far, namespace: slipway-test}\n")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("SLIPWAY_STORE_TIMEOUT", "0.5")
    assert main(["-C", str(repository), "versions", "fruit"]) == os.EX_TEMPFAIL
    assert main(["-C", str(repository), "versions", "fruit", "--env", "tset"]) == 1


def test_parameters_in_one_text(repository):
    """A workflow has one argument for all of them; a typo in it is a mistake like any other."""
    first = ["step", "fetch", "--model", "fruit", "--out", "run"]
    assert slipway(*first, "--parameters", "max_iter=300", "--data", "", cwd=repository).returncode == 0
    assert '"max_iter": 300' in (repository / "run" / "about.json").read_text()
    done = slipway(*first, "--parameters", "maxiter=300", cwd=repository)
    assert done.returncode == 1
    assert "did you mean 'max_iter'" in done.stderr


@pytest.mark.parametrize(
    "words", [["train", "fruit", "-p", "max_iter=3"], ["step", "fetch", "--model", "fruit", "--out", "run"]]
)
def test_a_call_from_python_goes_on_with_its_own_words(repository, monkeypatch, words):
    """Those of the program that calls are others."""
    seen = []
    monkeypatch.setattr(sys, "argv", ["pytest", "release", "--push"])
    monkeypatch.setattr(environment.os, "execve", lambda _program, command, _variables: seen.append(command))
    monkeypatch.setattr(environment, "prepare", lambda _settings, _model, arguments: ([*arguments], {}))
    monkeypatch.setattr("slipway.training.run.begin", lambda *_words, **_more: sys.exit("the process has gone on"))
    given = ["-C", str(repository), *words]
    with pytest.raises(SystemExit):
        main(given)
    assert seen == [given]
