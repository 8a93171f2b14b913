"""A scratch repository with copies of the models in `tests/models`."""

import shutil
import sys
from pathlib import Path

import pytest

from slipway import settings
from slipway.models import discovery

CASES = Path(__file__).parents[2] / "models"
ENVIRONMENTS = "environments: {test: {store: store, namespace: test}}\n"


class Repository:
    """A scratch repository with copies of the cases."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(exist_ok=True)
        self.configure("")

    def configure(self, models):
        (self.root / "slipway.yaml").write_text(ENVIRONMENTS + models)

    @property
    def settings(self):
        return settings.load(self.root)

    def copy(self, case):
        shutil.copytree(CASES / case, self.root / "model" / case)
        return self

    def write(self, path, text=""):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)
        return self

    def files(self, name="good"):
        return list(discovery.model_files(self.settings, name))


@pytest.fixture
def repository(tmp_path):
    """Make a scratch repository, and forget the modules of its models afterwards."""
    path, modules = list(sys.path), set(sys.modules)
    yield Repository(tmp_path)
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        if name == "model" or name.startswith("model."):
            del sys.modules[name]
