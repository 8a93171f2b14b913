"""The folder of a new model."""

import ast
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from slipway import settings
from slipway.errors import SlipwayError
from slipway.models import requirements
from slipway.models.scaffold import new_model

ROOT = Path(__file__).parents[3]


@pytest.fixture
def repository(tmp_path):
    """Make a scratch repository without a model."""
    (tmp_path / "slipway.yaml").write_text("environments: {test: {store: store, namespace: test}}\n")
    (tmp_path / "requirements.lock").write_text((ROOT / "requirements.lock").read_text())
    return tmp_path


def make(root, name):
    return new_model(settings.load(root), name)


def test_a_new_model_is_a_folder_with_all_that_a_model_has(repository):
    """It is one of the repository's models at once."""
    folder = make(repository, "iris")
    assert folder == repository / "model" / "iris"
    assert sorted(path.name for path in folder.iterdir()) == [
        *("README.md", "iris.csv", "model.py", "requirements.txt", "test_model.py")
    ]
    assert settings.load(repository).models() == ["iris"]
    assert not any("$" in path.read_text() for path in folder.iterdir())


@pytest.mark.long(4)
def test_new_models_pass_their_own_tests(repository):
    """Pytest runs them, also for a name that is a word of Python."""
    for name in ("fruit", "path", "request", "none", "red-wine"):
        make(repository, name)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "model", "-q", "-p", "no:cacheprovider", "-p", "slipway.testing"),
            *("--import-mode=importlib", "-o", "pythonpath=.", "-W", "error::UserWarning"),
        ],
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed, 5 skipped" in done.stdout


def test_a_new_model_is_formatted_and_linted(repository):
    """The rules of this repository hold, so that a newcomer's first commit is green."""
    make(repository, "fruit")
    (repository / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "model"],
            cwd=repository,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout


def test_the_rows_are_enough_to_learn_from(repository):
    """There are two kinds, as many of each, and no row is there twice."""
    data = pd.read_csv(make(repository, "iris") / "iris.csv")
    assert not data.duplicated().any()
    assert data["kind"].value_counts().to_dict() == {"small": 60, "large": 60}


def test_the_versions_are_those_of_the_repositorys_lock(repository):
    """They are pinned."""
    folder = make(repository, "iris")
    pins = requirements.read(folder, repository)
    lock = (ROOT / "requirements.lock").read_text()
    assert len(pins) == 3
    assert all(f"\n{pin}" in lock for pin in pins)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("iris", "Iris"), ("none", "NoneModel"), ("true", "TrueModel"), ("x1", "X1"), ("red-wine", "RedWine")],
)
def test_the_class_has_the_models_name(repository, name, kind):
    """The class has the name of the model with a capital, unless that is a word of Python."""
    tree = ast.parse((make(repository, name) / "model.py").read_text())
    assert [node.name for node in tree.body if isinstance(node, ast.ClassDef)] == [kind]


def test_a_name_with_dashes_has_a_folder_that_python_imports(repository):
    """The model keeps its name."""
    assert make(repository, "red-wine") == repository / "model/red_wine"
    assert settings.load(repository).models() == ["red-wine"]
    assert settings.load(repository).folder("red-wine") == repository / "model/red_wine"


@pytest.mark.parametrize("name", ["Iris", "my_model", "class", "../x", "common", ""])
def test_a_name_that_will_not_do_makes_nothing(repository, name):
    """No folder is made anywhere."""
    with pytest.raises(SlipwayError, match="cannot be a model's name"):
        make(repository, name)
    assert not (repository / "model").exists()


@pytest.mark.parametrize("taken", ["folder", "file", "link", "settings"])
def test_a_name_that_is_taken_leaves_what_is_there(repository, taken):
    """A folder, a file, a link or a setting may have the name."""
    path = repository / "model" / "iris"
    path.parent.mkdir()
    if taken == "folder":
        path.mkdir()
    elif taken == "file":
        path.touch()
    elif taken == "link":
        path.symlink_to("nowhere")
    else:
        with (repository / "slipway.yaml").open("a") as file:
            file.write("models: {iris: {folder: model/flowers}}\n")
    with pytest.raises(SlipwayError, match=r"is there already|slipway\.yaml"):
        make(repository, "iris")
    assert not list(path.rglob("*"))


@pytest.mark.parametrize(
    ("lock", "says"), [(None, "has no requirements.lock"), ("numpy==1.0\n", "does not pin pandas")]
)
def test_without_a_lock_nothing_is_made(repository, lock, says):
    """Without a lock there are no versions to pin."""
    (repository / "requirements.lock").unlink()
    if lock is not None:
        (repository / "requirements.lock").write_text(lock)
    with pytest.raises(SlipwayError, match=says):
        make(repository, "iris")
    assert not list((repository / "model").iterdir()) if (repository / "model").exists() else True
