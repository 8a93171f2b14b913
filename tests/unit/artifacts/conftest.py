import subprocess
import sys
from pathlib import Path

import pytest

from slipway.artifacts import load, save
from tests.unit.artifacts import zoo

CODE = """
from slipway.model import Model
from {package}.common.factor import factor


class Own(Model):
    source_features = ("x",)
    target_variable = "y"

    def train(self, data):
        self.factor = factor

    def predict(self, rows):
        return [row["x"] * self.factor for row in rows]
"""


@pytest.fixture
def saved(tmp_path: Path):
    """Return a function that saves `Simple` (or another class) with attributes, and returns the artifact's folder."""

    def saving(cls=zoo.Simple, /, **attributes) -> Path:
        model = cls()
        vars(model).update(attributes)
        save(model, zoo.SCHEMA, zoo.GOLDEN, tmp_path / "artifact")
        return tmp_path / "artifact"

    return saving


@pytest.fixture
def again(saved):
    """Return a function that saves a value as a model's attribute, and returns the loaded value."""

    def saving(value, cls=zoo.Simple):
        return load(saved(cls, value=value)).model.value

    return saving


@pytest.fixture
def with_code(tmp_path):
    """Return a function that trains an artifact with code of its own in another process."""

    def making(package, factor=3):
        repository, folder = tmp_path / f"repository{factor}", tmp_path / f"artifact{factor}"
        for name, text in {
            "own/model.py": CODE.format(package=package),
            "common/factor.py": f"factor = {factor}",
        }.items():
            path = repository / package / name
            path.parent.mkdir(parents=True)
            path.write_text(text)
        script = (
            f"import sys; sys.path.insert(0, {str(repository)!r})\n"
            "from pathlib import Path\n"
            "from slipway.artifacts import Golden, save\n"
            "from slipway.digests import walk\n"
            "from slipway.schema import Field, Schema\n"
            f"from {package}.own.model import Own\n"
            "model = Own(); model.train(None)\n"
            "schema = Schema(fields=(Field(name='x', kind='number'),), target=Field(name='y', kind='number'))\n"
            f"save(model, schema, Golden(rows=[], predictions=[]), Path({str(folder)!r}), "
            f"code=walk(Path({str(repository)!r})))"
        )
        subprocess.run([sys.executable, "-c", script], check=True)
        return folder

    return making
