"""An estimator in a file becomes a model's folder; a pickle executes nothing without a written yes."""

import os
from pathlib import Path

import joblib
import pytest
import skops.io
from sklearn.linear_model import LinearRegression

from slipway.errors import SlipwayError
from slipway.training.foreign import import_file
from tests.turns import in_turns


class Evil:
    """Write the variables of the process that opens it to a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self):
        return eval, (f"open({str(self.file)!r}, 'w').write(repr(dict(__import__('os').environ)))",)


@pytest.fixture
def files(tmp_path):
    """Return a folder with rows and with a fitted estimator as joblib and skops have it."""
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "rows.csv").write_text("a,b,y\n" + "".join(f"{at},{at % 3},{at * 2}\n" for at in range(30)))
    import pandas as pd

    data = pd.read_csv(folder / "rows.csv")
    estimator = LinearRegression().fit(data[["a", "b"]], data["y"])
    joblib.dump(estimator, folder / "model.joblib")
    skops.io.dump(estimator, folder / "model.skops")
    (folder / "MLmodel").write_text("flavors: {sklearn: {pickled_model: model.joblib}}\n")
    return folder


def imported(team, path, files, **more):
    return import_file(path, "wine", files / "rows.csv", ["y"], settings=team.settings, **more).folder


@pytest.mark.parametrize(
    ("name", "yes"), in_turns([("model.joblib", True), ("model.skops", False), (".", True)], always=1, seconds=6)
)
def test_a_file_becomes_a_folder(team, files, name, yes):
    """A folder of MLflow names its file; skops needs no yes, as it executes nothing."""
    folder = imported(team, files / name, files, execute=yes)
    assert folder == team.root / "model" / "wine"
    assert 'target_variable = "y"' in (folder / "model.py").read_text()
    assert (folder / "estimator.skops").is_file()


def test_a_pickle_is_not_opened_without_a_yes(team, files, tmp_path):
    """Nothing of it runs."""
    joblib.dump(Evil(tmp_path / "ran"), files / "evil.pkl")
    with pytest.raises(SlipwayError, match="executes code of whoever made it") as caught:
        imported(team, files / "evil.pkl", files)
    assert "--execute-pickle" in caught.value.fix
    assert not (tmp_path / "ran").exists()


@pytest.mark.long(3)
def test_a_pickle_sees_nothing_of_this_process(team, files, tmp_path, monkeypatch):
    """Neither its variables nor its home."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden-key")
    joblib.dump(Evil(tmp_path / "ran"), files / "evil.pkl")
    with pytest.raises(SlipwayError):
        imported(team, files / "evil.pkl", files, execute=True)
    seen = (tmp_path / "ran").read_text()
    assert "hidden-key" not in seen
    assert os.environ["HOME"] not in seen


@pytest.mark.long(3)
@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("model.pmml", "x", "is no .joblib, .pkl, .pickle, .skops, .onnx"),
        ("model.cbm", "x", "is no .joblib"),
        ("gone.joblib", None, "there is no model at"),
        ("broken.joblib", "x", "cannot be opened"),
    ],
)
def test_other_files_are_refused(team, files, name, content, says):
    """The message says what can be done."""
    if content is not None:
        (files / name).write_text(content)
    with pytest.raises(SlipwayError, match=says) as caught:
        imported(team, files / name, files, execute=True)
    assert caught.value.fix


@pytest.mark.parametrize("keep", [0, 10, 0.5, "text"])
def test_a_damaged_file_of_skops_is_refused(team, files, keep):
    """Whatever the reader of such files raises."""
    whole = (files / "model.skops").read_bytes()
    part = b"hello" if keep == "text" else whole[: keep if isinstance(keep, int) else int(len(whole) * keep)]
    (files / "model.skops").write_bytes(part)
    with pytest.raises(SlipwayError, match="is no file of skops, or not all of one") as caught:
        imported(team, files / "model.skops", files)
    assert "save it again" in caught.value.fix


@pytest.mark.long(3)
@pytest.mark.parametrize("name", ["model.skops", "model.joblib"])
def test_an_estimator_of_another_version_is_refused(team, files, name):
    """It may answer otherwise, or not at all; skops tells of it as a pickle does."""
    import json
    import zipfile

    import sklearn

    ours, path = sklearn.__version__.encode(), files / name
    if name.endswith("joblib"):
        path.write_bytes(path.read_bytes().replace(ours, b"9" * len(ours)))
    else:
        with zipfile.ZipFile(path) as archive:
            members = {each: archive.read(each) for each in archive.namelist()}
        with zipfile.ZipFile(path, "w") as archive:
            for each, content in members.items():
                archive.writestr(each, content.replace(ours, b"9" * len(ours)))
        assert json.loads(members["schema.json"])
    with pytest.raises(SlipwayError, match="it was made by scikit-learn 9") as caught:
        imported(team, path, files, execute=True)
    assert "install scikit-learn==9" in caught.value.fix


@pytest.mark.long(2)
@pytest.mark.parametrize("held", [{"model": 1}, 5, ("a", "b")])
def test_what_is_no_estimator_is_named(team, files, held):
    """A notebook can take the estimator out of it."""
    joblib.dump(held, files / "other.joblib")
    with pytest.raises(SlipwayError, match=f"holds a {type(held).__name__}, which has neither") as caught:
        imported(team, files / "other.joblib", files, execute=True)
    assert "slipway.save" in caught.value.fix


def test_a_missing_column_is_named(team, files):
    """Before anything is written."""
    with pytest.raises(SlipwayError, match="has no column 'z'"):
        import_file(files / "model.skops", "wine", files / "rows.csv", ["z"], settings=team.settings)
