"""A repository with one model in it, and its training steps run one after another."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from slipway import settings
from slipway.models.scaffold import new_model
from slipway.training import second_fit
from slipway.training.task import STEPS, begin, step

ROOT = Path(__file__).parents[3]


PLAIN = """
from slipway.model import Model

class Fruit(Model):
    source_features = ["length"]
    target_variable = "kind"

    def train(self, data):
        self.limit = float(data["length"].mean())

    def predict(self, rows):
        return [PREDICTION for row in rows]
"""
KIND = "('small', 'large')[row['length'] > self.limit]"


class Team:
    """A scratch repository with the model `fruit`, as `slipway new` makes it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.folder = root / "model" / "fruit"
        (root / "requirements.lock").write_text((ROOT / "requirements.lock").read_text())
        self.configure("")
        new_model(self.settings, "fruit")

    @property
    def settings(self) -> settings.Settings:
        return settings.load(self.root)

    def configure(self, models: str) -> None:
        """Write slipway.yaml with the text `models`."""
        text = "environments:\n  test: {store: store/test, namespace: slipway-test}\n"
        (self.root / "slipway.yaml").write_text(text + models)

    def data(self, text: str) -> None:
        """Replace the model's data."""
        (self.folder / "fruit.csv").write_text(text)

    def edit(self, old: str, new: str, *, file: str = "model.py") -> None:
        """Change the model's code."""
        path = self.folder / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def run(self, *names: str, **about: object) -> Path:
        """Run these steps from the first on; return the folder of the last."""
        source = None
        for name in names:
            target = self.root / "run" / name
            task = begin(self.settings, "fruit", "test", **about) if source is None else None
            step(name, self.settings, source, target, task)
            source = target
        return source


@contextmanager
def modules_of_its_own() -> Iterator[None]:
    """Forget the modules that were imported meanwhile, as each repository has its own `model.fruit`."""
    before, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = before
    for name in set(sys.modules) - modules:
        if name == "model" or name.startswith("model."):
            del sys.modules[name]


@pytest.fixture(autouse=True)
def one_fit(monkeypatch):
    """Fit once, for a second fit takes seconds."""
    monkeypatch.setattr(second_fit, "LONGEST", -1.0)


@pytest.fixture
def team(tmp_path):
    """Make the scratch repository."""
    with modules_of_its_own():
        yield Team(tmp_path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Make a repository and run all steps in it; tests only read it."""
    with modules_of_its_own():
        made = Team(tmp_path_factory.mktemp("trained"))
        made.run(*STEPS)
    return made


@pytest.fixture
def fitted(team, trained):
    """Copy the folder of the step `fit` from a repository with the same model."""
    return shutil.copytree(trained.root / "run" / "fit", team.root / "run" / "fit")
