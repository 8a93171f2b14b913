"""Artifacts of earlier code are loaded, and answer as they did."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.artifacts import differences, load
from slipway.store import Store
from tests.earlier import given
from tests.unit.conftest import Site


@pytest.fixture(autouse=True)
def own_modules() -> Iterator[None]:
    """Forget the models' modules before and after: each artifact brings its own."""
    path, modules = list(sys.path), dict(sys.modules)
    for name in [each for each in modules if each == "model" or each.startswith("model.")]:
        del sys.modules[name]
    yield
    sys.path[:] = path
    for name in [each for each in sys.modules if each not in modules or each.startswith("model.")]:
        del sys.modules[name]
    sys.modules.update(modules)


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return given.repository(tmp_path_factory.mktemp("earlier") / "team")


@pytest.fixture
def store(team: Site) -> Store:
    return team.store()


@pytest.mark.parametrize("model", given.VERSIONS)
def test_an_artifact_answers_its_golden_predictions(store: Store, model: str, tmp_path: Path) -> None:
    """It runs the code in its folder, and reads parts of every form."""
    loaded = load(store.fetch(store.record(model, 1), tmp_path / "artifact"))
    assert len(loaded.golden.rows) > 4
    assert {part.form for part in loaded.manifest.parts.values()} == given.VERSIONS[model]
    answers = loaded.answer(loaded.golden.rows)
    assert differences(loaded.golden, answers, loaded.manifest.tolerance) == []


def test_an_artifact_without_code(team: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An artifact that was published by hand takes the class from the repository."""
    monkeypatch.syspath_prepend(str(team.root))
    store = team.store()
    loaded = load(store.fetch(store.record(*given.BY_HAND), tmp_path / "artifact"))
    assert loaded.answer([{"x": 2.0}, {"x": -1.0}]) == loaded.golden.predictions == [6.0, -3.0]


def test_plain_values_come_back_as_they_were(store: Store, tmp_path: Path) -> None:
    """Tuples, lists, None and parameters keep their types, also in a model with typed input."""
    loaded = load(store.fetch(store.record("parcel", 1), tmp_path / "artifact"))
    assert loaded.model.limits == {"red": (0.0, 50.0), "green": [1, 2.5, None], "seen": ["green", "red"]}  # type: ignore[attr-defined]
    assert loaded.model.parameters == {"strict": True, "name": "post", "count": 3, "scale": 1.5}
    assert loaded.schema.fields[0].unit == "kg" and loaded.schema.target.categories == ("small", "big")
