"""A version of a container that earlier code published. A server of the test plays the engine."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from slipway.artifacts import differences, load
from slipway.cli import main
from slipway.images import engines
from tests.earlier import given


@pytest.fixture(autouse=True)
def engine_serves(container, monkeypatch):
    """Let the test's server answer for every image."""

    @contextmanager
    def serve(_image: str, *, model_id: str, release: str) -> Iterator[str]:
        yield container(model_id, release).url

    monkeypatch.setattr(engines, "serve", serve)


def test_earlier_artifact_is_loaded_and_answers(tmp_path: Path) -> None:
    """The artifact names the platform's class by its module."""
    store = given.repository(tmp_path / "team").store()
    record = store.record("stones", 1)
    folder = store.fetch(record, tmp_path / "artifact")
    assert json.loads((folder / "artifact.json").read_bytes())["entry"] == "slipway.containers.model:ContainerModel"
    loaded = load(folder)
    assert loaded.model.image == record.image
    assert loaded.model.types == {"length": "FP64", "width": "FP64"}
    assert differences(loaded.golden, loaded.answer(loaded.golden.rows), loaded.manifest.tolerance) == []


@pytest.mark.usefixtures("people")
def test_earlier_release_is_verified_and_keeps_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The name does not depend on the platform's code."""
    site = given.renewed(tmp_path / "team")
    [release] = site.overlay("stones").releases
    assert release.record.container
    command = ["-C", str(site.root)]
    assert main([*command, "verify", f"test/stones/{release.name}"]) == 0
    assert f"stones {release.name} is verified now" in capsys.readouterr().out
    site.git("rm", "-r", "--quiet", "overlays/test/stones")
    site.commit("Forget it")
    assert main([*command, "release", "stones"]) == 0
    assert [each.name for each in site.overlay("stones").releases] == [release.name]
