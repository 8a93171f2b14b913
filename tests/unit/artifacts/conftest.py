from pathlib import Path

import pytest

from slipway.artifacts import load, save
from tests.unit.artifacts import zoo


@pytest.fixture
def saved(tmp_path: Path):
    """A function that saves `Simple` (or another class) with attributes, and returns the artifact's folder."""

    def saving(cls=zoo.Simple, /, **attributes) -> Path:
        model = cls()
        vars(model).update(attributes)
        save(model, zoo.SCHEMA, zoo.GOLDEN, tmp_path / "artifact")
        return tmp_path / "artifact"

    return saving


@pytest.fixture
def again(saved):
    """A function that saves a value as a model's attribute, and returns it as it is loaded."""

    def saving(value, cls=zoo.Simple):
        return load(saved(cls, value=value)).model.value

    return saving
