"""A repository with one model in it, and its training steps run one after another."""

import sys
from pathlib import Path

import pytest

from slipway import settings
from slipway.scaffold import new_model
from slipway.training import run

ROOT = Path(__file__).parents[3]


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
        """Write slipway.yaml, `models` being what it says of the models."""
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

    def run(self, *steps: str, **about: object) -> Path:
        """Run these steps from the first on; returns the folder that the last of them left."""
        source = None
        for name in steps:
            target = self.root / "run" / name
            begin = run.begin(self.settings, "fruit", "test", **about) if source is None else None
            run.step(name, self.settings, source, target, begin)
            source = target
        return source


@pytest.fixture
def team(tmp_path):
    """The scratch repository; its modules are forgotten afterwards, as each test has its own `model.fruit`."""
    before, modules = list(sys.path), set(sys.modules)
    yield Team(tmp_path)
    sys.path[:] = before
    for name in set(sys.modules) - modules:
        if name == "model" or name.startswith("model."):
            del sys.modules[name]
