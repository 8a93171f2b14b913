"""`slipway test`: the models' own tests, in their own environments, and which of them a change asks for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from slipway.git import Repository
from slipway.models.scaffold import new_model
from slipway.review.affected import affected
from slipway.settings import load
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
    """Two models on main, of which one imports a module that they could share."""
    made = Site(tmp_path / "repository")
    made.write("slipway.yaml", SETTINGS.partition("models")[0])
    lock = Path(__file__).parents[3] / "requirements.lock"
    made.write("requirements.lock", lock.read_text())
    for model in ("apple", "pear"):
        new_model(load(made.root), model)
    made.write("slipway.yaml", SETTINGS)
    made.write("model/common/sizes.py", "SIZE = 1\n")
    made.write("model/apple/sizes.py", "from model.common.sizes import SIZE\n")
    made.git("init", "--quiet")
    made.commit()
    return made


def slipway(*words: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    env = {name: value for name, value in os.environ.items() if not name.startswith("SLIPWAY_")}
    command = [sys.executable, "-P", "-m", "slipway", *words]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)


def give_tests(team: Site, model: str, more: str = "") -> None:
    """Give a model tests that need no time."""
    team.write(f"model/{model}/test_model.py", f"def test_nothing():\n    pass\n{more}")


def test_one_that_fails_does_not_stop_the_others(team: Site) -> None:
    """Each has its line at the end, what pytest said is told, and the status is 1."""
    give_tests(team, "apple", "\n\ndef test_size():\n    import sklearn\n\n    assert sklearn is None, 'no size'\n")
    give_tests(team, "pear")
    done = slipway("test", cwd=team.root / "model")
    assert done.returncode == 1
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[:2] for row in rows] == [["MODEL", "RESULT"], ["apple", "failed"], ["pear", "passed"]]
    assert "no size" in done.stderr and "Traceback" not in done.stderr


def test_only_what_was_asked_for(team: Site) -> None:
    """By name, and by what has changed; nothing to do is no failure."""
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
def test_a_mistake_is_told(team: Site, words: list[str], says: str) -> None:
    """What is wrong and what to do instead."""
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
def test_what_a_change_affects(team: Site, path: str, text: str | None, found: list[str], committed: str) -> None:
    """Own files, code that is imported, and own settings; in commits and in the work tree alike."""
    team.git("switch", "--quiet", "-c", "change")
    (team.root / path).unlink() if text is None else team.write(path, text)
    if committed == "committed":
        team.commit()
        team.git("switch", "--quiet", "main")
        team.write("model/apple/model.py", "# somebody else's\n")
        team.commit()
        team.git("switch", "--quiet", "change")
    assert affected(load(team.root), Repository(team.root), "main") == found
