"""Manifest and model card are written and read; damaged ones are refused."""

import json

import pytest

from slipway.artifacts import Manifest, Part, manifest
from slipway.artifacts.manifest import ModelCard
from slipway.errors import SlipwayError

MANIFEST = Manifest(
    format=1,
    entry="model.iris.model:Iris",
    parameters={"c": 1.0, "fast": True},
    tolerance=1e-6,
    python="3.11",
    parts={"pipeline": Part(form="skops", file="parts/pipeline.skops")},
)


def test_a_manifest_is_read_as_it_was_written(tmp_path):
    """Its parameters keep their types."""
    manifest.write(MANIFEST, tmp_path)

    found = manifest.read(tmp_path)

    assert found == MANIFEST
    assert type(found.parameters["c"]) is float


def test_keys_are_sorted(tmp_path):
    """Equal manifests are equal bytes, easily compared by eye."""
    manifest.write(MANIFEST, tmp_path)

    assert list(json.loads((tmp_path / manifest.FILE).read_bytes())) == sorted(Manifest.__struct_fields__)


def test_a_folder_without_one_is_no_artifact(tmp_path):
    """The message names the missing file."""
    with pytest.raises(SlipwayError, match=r"is no artifact: it holds no artifact\.json"):
        manifest.read(tmp_path)


def test_another_format_is_refused(tmp_path):
    """The format is read before anything else of the file."""
    (tmp_path / manifest.FILE).write_text('{"format": 2, "layers": []}')

    with pytest.raises(SlipwayError, match="is of format 2, and this slipway reads format 1"):
        manifest.read(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', '{"format": "1"}'])
def test_a_damaged_manifest_is_refused(tmp_path, content):
    """The message has its path."""
    (tmp_path / manifest.FILE).write_text(content)

    with pytest.raises(SlipwayError, match=r"artifact\.json cannot be read"):
        manifest.read(tmp_path)


@pytest.mark.parametrize("name", ["/etc/passwd", "../secret", "parts/../../secret", "", "parts\\..\\secret"])
def test_files_outside_the_folder_are_refused(tmp_path, name):
    """A manifest cannot point elsewhere."""
    with pytest.raises(SlipwayError, match="is no path within an artifact"):
        manifest.within(tmp_path, name)


def test_a_card_is_read_as_it_was_written(tmp_path):
    """Equal metrics give equal bytes, in whatever order they came."""
    first, second = tmp_path / "first", tmp_path / "second"
    manifest.write_card(ModelCard({"b": 0.5, "a": 1.0}, "# Card\n"), first)
    manifest.write_card(ModelCard({"a": 1.0, "b": 0.5}, "# Card\n"), second)
    assert manifest.read_card(first) == ModelCard({"a": 1.0, "b": 0.5}, "# Card\n")
    assert (first / manifest.METRICS).read_bytes() == (second / manifest.METRICS).read_bytes()


def test_an_artifact_may_have_no_card(tmp_path):
    """An artifact that was made by hand has neither metrics nor text."""
    assert manifest.read_card(tmp_path) == ModelCard({}, "")
    manifest.write_card(ModelCard({}, ""), tmp_path)
    assert not (tmp_path / manifest.CARD).exists()
