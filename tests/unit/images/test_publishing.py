"""A folder is published once it was served; any other is refused with what to do, and nothing is published."""

import json
import re
import sys
from pathlib import Path

import pytest

import slipway
from slipway.errors import SlipwayError
from slipway.images import bundle, publishing, running
from slipway.names import ReleaseName
from slipway.settings import Settings
from slipway.store import store_of
from tests.unit.serving import tiny

PYTHON = Path(sys.executable)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return tiny.repository(tmp_path / "repository")


def published(settings: Settings, folder: Path, model: str = "tiny", environment: str = "test"):
    return publishing.publish_in(settings, model, folder, environment, {"author": "ada"}, python=PYTHON)


def test_a_published_folder_is_served_and_released(settings: Settings, tmp_path: Path) -> None:
    """It brings its code, which a release takes."""
    record = published(settings, tiny.artifact(tmp_path / "artifact"))
    assert (str(record.id), record.metadata) == ("tiny/test/1", {"author": "ada"})
    made = bundle.make(settings, store_of(settings, "test"), record, tmp_path / "bundle")
    with running.serve(made, model_id=str(record.id), release=str(ReleaseName.of(1, made.fingerprint)), python=PYTHON):
        pass


@pytest.mark.parametrize(
    ("files", "way"),
    [
        ({"model.onnx": "x", "schema.json": "{}"}, "slipway import .*model.onnx NAME --data"),
        ({"deep/model.joblib": "x"}, "slipway import .*deep/model.joblib NAME"),
        ({"MLmodel": "flavors: {}", "model.onnx": "x"}, "slipway import .*made NAME"),
        ({"weights.txt": "1 2 3"}, "slipway train tiny makes artifacts"),
    ],
)
def test_a_folder_that_is_no_artifact_is_refused(settings: Settings, tmp_path: Path, files, way: str) -> None:
    """By the line that makes a model of what is in it."""
    for name, text in files.items():
        (tmp_path / "made" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "made" / name).write_text(text)
    with pytest.raises(SlipwayError, match="as it has no artifact") as caught:
        published(settings, tmp_path / "made")
    assert re.search(way, caught.value.fix)
    assert store_of(settings, "test").versions("tiny") == []


def spoil(folder: Path, name: str, change) -> None:
    path = folder / name
    if change is None:
        path.unlink()
    else:
        path.write_text(json.dumps(change(json.loads(path.read_text()))))


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("golden.json", lambda _: {"rows": [], "predictions": []}, "has no golden predictions"),
        ("golden.json", None, "has no golden.json"),
        ("golden.json", lambda found: {**found, "predictions": [4.0, 9.0]}, "expected 9.0, found 8.0"),
        ("schema.json", None, "has no schema.json"),
        ("parts/base.json", None, "lacks its part parts/base.json"),
        ("artifact.json", lambda found: {**found, "format": 2}, "is of format 2"),
        ("artifact.json", lambda found: {**found, "entry": "model.tiny.model:Other"}, "has no class Other"),
        ("requirements.lock", lambda _: "msgspec==0.22.0", "has no functions-framework"),
    ],
)
def test_an_artifact_that_cannot_be_served_is_refused(settings: Settings, tmp_path: Path, name, change, says) -> None:
    """As a release would find it out: by its start."""
    folder = tiny.artifact(tmp_path / "artifact")
    if name == "requirements.lock":
        (folder / name).write_text("msgspec==0.22.0\n")
    else:
        spoil(folder, name, change)
    with pytest.raises(SlipwayError, match=says) as caught:
        published(settings, folder)
    assert caught.value.fix
    assert store_of(settings, "test").versions("tiny") == []


def test_only_known_models_and_environments_that_take_versions_are_published_for(
    settings: Settings, tmp_path: Path
) -> None:
    """Nobody could release it."""
    folder = tiny.artifact(tmp_path / "artifact")
    with pytest.raises(SlipwayError, match="unknown model 'tinny'"):
        published(settings, folder, model="tinny")
    with pytest.raises(SlipwayError, match="prod takes only what test has verified"):
        published(settings, folder, environment="prod")
    with pytest.raises(SlipwayError, match="there is no folder"):
        slipway.publish("tiny", tmp_path / "gone", root=settings.root)


def test_a_container_has_no_folder(settings: Settings, tmp_path: Path) -> None:
    """Its versions are records of an image."""
    text = (settings.root / "slipway.yaml").read_text()
    image = f"registry.example/tiny@sha256:{'0' * 64}"
    (settings.root / "slipway.yaml").write_text(
        f"{text}models: {{tiny: {{image: '{image}', target: price, train: runner}}}}\n"
    )
    with pytest.raises(SlipwayError, match="answered by the container"):
        slipway.publish("tiny", tiny.artifact(tmp_path / "artifact"), root=settings.root)
