import json
import py_compile
import subprocess
import sys
from importlib.util import cache_from_source
from py_compile import PycInvalidationMode

import pytest

from slipway.artifacts import PredictionError, load, manifest, save, worker
from slipway.artifacts.loading import Loaded
from slipway.digests import of_file, of_files, walk
from slipway.errors import SlipwayError
from slipway.model import InputError, Model
from slipway.schema import Field, InvalidRows, Schema
from tests.unit.artifacts.zoo import GOLDEN, SCHEMA, Simple
from tests.unit.serving import tiny


@pytest.fixture
def changed(saved):
    """Return a function that changes `artifact.json` and returns the folder."""

    def changing(**values):
        folder = saved(value=[1, 2])
        content = json.loads((folder / manifest.FILE).read_text())
        (folder / manifest.FILE).write_text(json.dumps(content | values))
        return folder

    return changing


def test_a_loaded_model_answers(saved):
    """It answers rows with JSON values, and has the parameters of its training."""
    loaded = load(saved())

    assert loaded.answer([{"x": 1}, {"x": 2.5}]) == [2.0, 5.0]
    assert loaded.answer([]) == []
    assert (loaded.golden, loaded.schema) == (GOLDEN, SCHEMA)


class ByColumn(Model):
    """It adds two columns, and refuses what a row's class cannot."""

    source_features = ("x", "y")
    by_column = True

    def predict(self, columns):
        for row in (columns["y"] == 0).nonzero()[0].tolist():
            raise InputError("is nothing", row=row, field="y")
        return columns["x"] + columns[["y", "x"]][:, 0]


def test_a_model_by_column_answers_rows():
    """They are checked as those of any other model; NaN stands for a missing value."""
    fields = (Field(name="x", kind="number"), Field(name="y", kind="number", optional=True, maximum=9))
    target = Field(name="sum", kind="number")
    found = manifest.Manifest(entry="", parameters={}, tolerance=0, format=1, python="3.11", parts={})
    loaded = Loaded(ByColumn(), Schema(fields=fields, target=target), GOLDEN, found)
    assert loaded.takes_columns
    assert loaded.answer([{"x": 1, "y": 2.5}, {"y": 1, "x": 2}]) == [3.5, 3.0]
    with pytest.raises(InvalidRows, match="row 1: y: 10 is above the maximum 9"):
        loaded.answer([{"x": 1}, {"x": 1, "y": 10}])
    with pytest.raises(InputError, match="is nothing") as refused:
        loaded.answer([{"x": 1, "y": 1}, {"x": 1, "y": 0}])
    assert (refused.value.row, refused.value.field) == (1, "y")
    with pytest.raises(PredictionError, match="row 1: predict returned nan"):
        loaded.answer([{"x": 1, "y": 1}, {"x": 1, "y": None}])


def test_parameters_are_those_of_the_training(tmp_path):
    """Defaults that the class has today do not count."""
    save(Simple(factor=10.0), SCHEMA, GOLDEN, tmp_path / "artifact")

    assert load(tmp_path / "artifact").answer([{"x": 1}]) == [10.0]


def test_rows_that_do_not_fit_are_refused(saved):
    """The model is not asked."""
    with pytest.raises(InvalidRows, match="row 1: x: is missing"):
        load(saved()).answer([{"x": 1}, {}])


@pytest.mark.parametrize("name", ["schema.json", "golden.json", "parts/value.json"])
def test_a_missing_file_is_named(changed, name):
    """The message has the file's name."""
    folder = changed()
    (folder / name).unlink()

    with pytest.raises(SlipwayError, match=f"(has no|lacks its part) {name}"):
        load(folder)


@pytest.mark.parametrize("name", ["schema.json", "golden.json", "parts/value.json"])
def test_a_damaged_file_is_named(changed, name):
    """The message has the file's name and the damage."""
    folder = changed()
    (folder / name).write_text('{"half": ')

    with pytest.raises(SlipwayError, match=f"{name} cannot be read"):
        load(folder)


def test_an_unknown_form_is_refused(changed):
    """The message proposes the version of slipway that made it."""
    with pytest.raises(SlipwayError, match="is in the form 'pmml', which this slipway does not know"):
        load(changed(parts={"value": {"form": "pmml", "file": "parts/value.json"}}))


@pytest.mark.parametrize("name", ["__class__", "_hidden", "predict", "parameters", "not a name"])
def test_a_part_cannot_become_anything_but_an_attribute(changed, name):
    """A part cannot replace a method of the model."""
    with pytest.raises(SlipwayError, match="cannot be a saved attribute"):
        load(changed(parts={name: {"form": "json", "file": "parts/value.json"}}))


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("model.nowhere.model:Iris", "the model's module model.nowhere cannot be found"),
        ("nosuchlibrary:Iris", "the model's module nosuchlibrary cannot be found"),
        ("tests.unit.artifacts.zoo:Gone", "has no class Gone that is a slipway.Model"),
        ("tests.unit.artifacts.zoo:Clip", "has no class Clip that is a slipway.Model"),
        ("subprocess:Popen", "has no class Popen that is a slipway.Model"),
        (":Iris", "cannot be imported"),
    ],
)
def test_an_entry_that_is_no_model_is_refused(changed, entry, problem):
    """The message names the class."""
    with pytest.raises(SlipwayError, match=problem):
        load(changed(entry=entry))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("import nosuchlibrary.part", "needs the library nosuchlibrary, which is not installed here"),
        ("1 / 0", r"cannot be imported: ZeroDivisionError: .*broken\w+\.py, line 1: 1 / 0"),
    ],
)
def test_an_entry_that_cannot_be_imported_is_refused(changed, tmp_path, monkeypatch, text, problem):
    """The message has the missing library, or the user's own line."""
    name = f"broken{abs(hash(text))}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)

    with pytest.raises(SlipwayError, match=problem):
        load(changed(entry=f"{name}:Broken"))


def test_the_code_in_the_artifact_is_used(with_code, monkeypatch):
    """An image has no repository."""
    monkeypatch.setattr(sys, "path", [*sys.path])

    assert load(with_code("carried")).answer([{"x": 2}]) == [6.0]


def test_code_that_this_process_has_otherwise_is_refused(with_code, monkeypatch):
    """The artifact would be answered by code of another version."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    load(with_code("twice", factor=3))

    with pytest.raises(SlipwayError, match=r"twice\.common\.factor is already loaded from .*artifact3"):
        load(with_code("twice", factor=4))


def test_loading_imports_only_what_the_parts_need(with_code):
    """A model of plain values is served without numpy, pandas, scikit-learn and skops."""
    script = (
        "import sys; from pathlib import Path; from slipway.artifacts import load\n"
        f"assert load(Path({str(with_code('light'))!r})).answer([{{'x': 1}}]) == [3.0]\n"
        "heavy = {'numpy', 'pandas', 'sklearn', 'skops', 'google.cloud.storage', 'yaml'}\n"
        "print(sorted(heavy & sys.modules.keys()))"
    )

    assert subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout == "[]\n"


def test_bytecode_beside_the_code_is_never_read(tmp_path):
    """The digest of an artifact does not cover it, so it must not decide what the model answers."""
    folder = tiny.artifact(tmp_path / "artifact")
    for name in ("model.py", "__init__.py"):
        code = tiny.CODE.replace("self.base +", "1000 +") if name == "model.py" else "raise SystemExit"
        other = tmp_path / name
        other.write_text(code)
        source = folder / "code/model/tiny" / name
        source.touch()
        compiled = cache_from_source(source)
        py_compile.compile(str(other), compiled, doraise=True, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
    before = of_files({path: of_file(file) for path, file in walk(folder).items()})
    assert worker.predictions(sys.executable, folder, tiny.ROWS) == tiny.PREDICTIONS
    assert of_files({path: of_file(file) for path, file in walk(folder).items()}) == before
