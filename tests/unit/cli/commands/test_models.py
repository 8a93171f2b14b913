"""`slipway test`, `train` and `step` as a person calls them: in the model's own environment, from any folder."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from slipway.cli import main
from slipway.git import Repository
from slipway.models import environment
from slipway.models.scaffold import new_model
from slipway.review.consequences import affected
from slipway.settings import load
from slipway.training.task import STEPS
from tests.unit.conftest import Site

SETTINGS = """
environments:
  test: {store: store, namespace: slipway-test}
models:
  apple: {train: manual}
  pear: {}
"""


@pytest.fixture
def team(tmp_path: Path, people: None) -> Site:  # noqa: ARG001
    """Return a repository with two models on main; one of them imports shared code."""
    made = Site(tmp_path / "repository")
    made.write("slipway.yaml", SETTINGS.partition("models")[0])
    lock = Path(__file__).parents[4] / "requirements.lock"
    made.write("requirements.lock", lock.read_text())
    for model in ("apple", "pear"):
        new_model(load(made.root), model)
    made.write("slipway.yaml", SETTINGS)
    made.write("model/common/sizes.py", "SIZE = 1\n")
    made.write("model/apple/sizes.py", "from model.common.sizes import SIZE\n")
    made.git("init", "--quiet")
    made.commit()
    return made


@pytest.fixture
def repository(tmp_path):
    """Return a repository with one model, without git."""
    (tmp_path / "slipway.yaml").write_text("environments:\n  test: {store: store, namespace: slipway-test}\n")
    lock = Path(__file__).parents[4] / "requirements.lock"
    (tmp_path / "requirements.lock").write_bytes(lock.read_bytes())
    new_model(load(tmp_path), "fruit")
    return tmp_path


def slipway(*words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    env = {name: value for name, value in os.environ.items() if not name.startswith("SLIPWAY_")}
    command = [sys.executable, "-P", "-m", "slipway", *words]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def give_tests(team: Site, model: str, more: str = "") -> None:
    """Give a model tests that are fast."""
    team.write(f"model/{model}/test_model.py", f"def test_nothing():\n    pass\n{more}")


@pytest.mark.long(3)
def test_a_failure_does_not_stop_other_models(team: Site) -> None:
    """Each model has its row, the output of pytest is printed, and the status is 1."""
    give_tests(team, "apple", "\n\ndef test_size():\n    import sklearn\n\n    assert sklearn is None, 'no size'\n")
    give_tests(team, "pear")
    done = slipway("test", cwd=team.root / "model")
    assert done.returncode == 1
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[:2] for row in rows] == [["MODEL", "RESULT"], ["apple", "failed"], ["pear", "passed"]]
    assert "no size" in done.stderr and "Traceback" not in done.stderr


def test_models_are_chosen_by_name_or_change(team: Site) -> None:
    """No model to test is no failure."""
    give_tests(team, "pear")
    team.commit()
    done = slipway("test", "pear", cwd=team.root)
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["MODEL", "pear"]
    done = slipway("test", "--changed", "main", cwd=team.root)
    assert (done.returncode, done.stdout) == (0, "no model has changed since main\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [(["peer"], "did you mean 'pear'?"), (["--changed", "nowhere"], "'nowhere' is no commit of this clone")],
)
def test_a_wrong_model_or_commit_is_refused(team: Site, words: list[str], says: str) -> None:
    """The message says what is wrong and what to do instead."""
    done = slipway("test", *words, cwd=team.root)
    assert done.returncode == 1
    assert says in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        ("model/pear/model.py", "# anew\n", ["pear"]),
        ("model/pear/test_model.py", "# anew\n", ["pear"]),
        ("model/pear/requirements.txt", "# anew\n", ["pear"]),
        ("model/pear/new.py", "# new\n", ["pear"]),
        ("model/common/sizes.py", "SIZE = 2\n", ["apple"]),
        ("model/common/unused.py", "SIZE = 2\n", []),
        ("model/common/sizes.py", None, ["apple", "pear"]),
        ("slipway.yaml", SETTINGS.replace("pear: {}", "pear: {parameters: {c: 1}}"), ["pear"]),
        ("slipway.yaml", f"{SETTINGS}# words\n", []),
        ("requirements.lock", "", ["apple", "pear"]),
        ("README.md", "words\n", []),
    ],
)
@pytest.mark.parametrize("committed", ["committed", "not committed"])
def test_the_models_that_a_change_affects(
    team: Site, path: str, text: str | None, found: list[str], committed: str
) -> None:
    """They are found by their files, imported code and settings, in commits and in the work tree."""
    team.git("switch", "--quiet", "-c", "change")
    (team.root / path).unlink() if text is None else team.write(path, text)
    if committed == "committed":
        team.commit()
        team.git("switch", "--quiet", "main")
        team.write("model/apple/model.py", "# somebody else's\n")
        team.commit()
        team.git("switch", "--quiet", "change")
    assert affected(load(team.root), Repository(team.root), "main") == found


@pytest.mark.long(8)
def test_training_from_the_folder_of_a_model(repository):
    """Modules in the current folder do not hide the platform's or the model's, and each step prints its name."""
    folder = repository / "model" / "fruit"
    (folder / "numpy.py").write_text("raise SystemExit('the wrong numpy')\n")
    (folder / "test_model.py").write_text("import numpy\n\n\ndef test_nothing():\n    pass\n")
    done = slipway("train", "fruit", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "published fruit/test/1" in done.stdout
    first = [line.split()[0] for line in done.stderr.splitlines() if line.strip()]
    assert [word for word in first if word in STEPS] == list(STEPS)


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
def test_a_mistake_has_no_traceback(repository, words, says):
    """The message says what is wrong and what to do, the exit status is 1, and nothing has changed."""
    done = slipway(*words, cwd=repository)
    assert done.returncode == 1
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert not (repository / "store").exists()
    assert (repository / "model" / "fruit" / "model.py").is_file()


def test_a_store_out_of_reach_has_its_own_status(repository, monkeypatch):
    """A workflow tries again on this status only."""
    (repository / "slipway.yaml").write_text("environments:\n  test: {store: gs://far, namespace: slipway-test}\n")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("SLIPWAY_STORE_TIMEOUT", "0.5")
    assert main(["-C", str(repository), "versions", "fruit"]) == os.EX_TEMPFAIL
    assert main(["-C", str(repository), "versions", "fruit", "--env", "tset"]) == 1


def test_parameters_in_one_text(repository):
    """A workflow has one argument for all parameters; a misspelt name in it is refused."""
    first = ["step", "fetch", "--model", "fruit", "--out", "run"]
    assert slipway(*first, "--parameters", "max_iter=300", "--data", "", cwd=repository).returncode == 0
    assert '"max_iter": 300' in (repository / "run" / "about.json").read_text()
    done = slipway(*first, "--parameters", "maxiter=300", cwd=repository)
    assert done.returncode == 1
    assert "did you mean 'max_iter'" in done.stderr


@pytest.mark.parametrize(
    "words", [["train", "fruit", "-p", "max_iter=3"], ["step", "fetch", "--model", "fruit", "--out", "run"]]
)
def test_a_call_from_python_keeps_its_own_words(repository, monkeypatch, words):
    """The words of the calling program are not used."""
    seen = []
    monkeypatch.setattr(sys, "argv", ["pytest", "release", "--push"])
    monkeypatch.setattr(environment.os, "execve", lambda _program, command, _variables: seen.append(command))
    monkeypatch.setattr(environment, "prepare", lambda _settings, _model, arguments: ([*arguments], {}))
    monkeypatch.setattr("slipway.training.task.begin", lambda *_words, **_more: sys.exit("the process has gone on"))
    given = ["-C", str(repository), *words]
    with pytest.raises(SystemExit):
        main(given)
    assert seen == [given]


DRAWN = """
import numpy
from slipway.model import Model

class Drawn(Model):
    source_features = ["length"]
    target_variable = "kind"

    def train(self, data):
        self.limit = float(data["length"].mean())
        self.found = FOUND

    def predict(self, rows):
        return ["large" if row["length"] > self.limit else "small" for row in rows]
"""


@pytest.mark.long(60)
@pytest.mark.parametrize(
    ("found", "only"),
    [
        ("float(numpy.random.default_rng().normal())", ""),
        ("[*{'cherry', 'plum', 'quince', 'fig'}]", "; only with another order of sets, or from another working folder"),
    ],
)
def test_a_training_that_cannot_be_repeated_says_so(team, found, only):
    """The output of the training, the record and the trace have the same words."""
    team.write("model/apple/model.py", DRAWN.replace("FOUND", found))
    give_tests(team, "apple")
    team.commit("Draw")
    done = slipway("train", "apple", cwd=team.root)
    words = "a second fit gave another artifact: parts/found.json differs; both answer 28 of 28 held-out rows alike"
    assert done.returncode == 0 and f"mind: {words}, largest difference 0{only}\n" in done.stderr
    shown = json.loads(slipway("show", "apple", cwd=team.root).stdout)["training"]
    assert shown["second_fit"]["result"] == "different" and shown["second_fit"]["files"] == ["parts/found.json"]
    assert shown["machine"].startswith(platform.machine())
    assert words in slipway("trace", "apple/test/1", cwd=team.root).stdout
