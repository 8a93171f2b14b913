"""A fitted estimator becomes a model's folder, which is trained, served and released as every other."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

import slipway
from slipway.artifacts.loading import load
from slipway.errors import SlipwayError
from slipway.store import store_of
from slipway.training.task import STEPS, begin, step

COLUMNS = ["length", "width", "colour"]


@pytest.fixture
def notebook(team, monkeypatch):
    """Stand in a folder of the repository, as a notebook does, with rows to fit on and others."""
    here = team.root / "notebooks"
    here.mkdir()
    monkeypatch.chdir(here)
    data = pd.read_csv(team.folder / "fruit.csv")
    team.seen, team.fresh = data[:80], data[80:]
    return team


def classifier(data):
    prepare = make_column_transformer((OneHotEncoder(), ["colour"]), remainder="passthrough")
    return make_pipeline(prepare, LogisticRegression(max_iter=1000)).fit(data[COLUMNS], data["kind"])


def published(team, name, steps=STEPS):
    source = None
    for each in steps:
        target = team.root / "run" / each
        step(each, team.settings, source, target, begin(team.settings, name, "test") if source is None else None)
        source = target
    return source


def test_a_saved_estimator_is_measured_on_its_rows_and_trains_nothing(notebook):
    """All rows are held out; the artifact answers as the estimator does; the file of the estimator is no code of it."""
    estimator = classifier(notebook.seen)
    folder = slipway.save(estimator, notebook.fresh[COLUMNS], notebook.fresh["kind"], "wine")
    assert folder == notebook.root / "model" / "wine"
    notebook.configure("models: {wine: {gates: {accuracy: {min: 0.8}}}}\n")
    run = published(notebook, "wine")
    record = store_of(notebook.settings, "test").record("wine", 1)
    assert (record.data.rows, record.data.held_out, record.data.split.by) == (40, 40, "model")
    assert record.metrics["accuracy"] == estimator.score(notebook.fresh[COLUMNS], notebook.fresh["kind"])
    loaded = load(run / "artifact")
    rows = notebook.fresh[COLUMNS].to_dict("records")
    assert loaded.answer(rows) == estimator.predict(notebook.fresh[COLUMNS]).tolist()
    assert not (run / "artifact/code/model/wine/estimator.skops").exists()
    assert f"scikit-learn=={slipway_version('scikit-learn')}" in (folder / "requirements.txt").read_text()


def slipway_version(package):
    from importlib.metadata import version

    return version(package)


def test_without_truth_there_are_no_metrics_and_gates_refuse(notebook):
    """Clusters have none, and neither has an estimator that comes without rows to measure it by."""
    slipway.save(KMeans(3, random_state=0).fit(notebook.seen[COLUMNS[:2]]), notebook.fresh[COLUMNS[:2]], None, "wine")
    run = published(notebook, "wine", STEPS[:-1])
    assert json.loads((run / "metrics.json").read_text())["metrics"] == {}
    assert load(run / "artifact").schema.target.kind == "integer"
    notebook.configure("models: {wine: {gates: {accuracy: {min: 0.8}}}}\n")
    with pytest.raises(SlipwayError, match="the gate 'accuracy'"):
        published(notebook, "wine", STEPS[:-1])


@pytest.mark.usefixtures("notebook")
def test_arrays_and_several_targets_are_taken():
    """Columns get names, and a second call replaces the first one's files when it says so."""
    rows, truth = np.arange(40.0).reshape(20, 2), pd.DataFrame({"a": np.arange(20.0), "b": np.arange(20.0) * 2})
    estimator = LinearRegression().fit(rows, truth)
    folder = slipway.save(estimator, rows, truth, "my-wine")
    assert folder.name == "my_wine"
    assert "from model.my_wine.model import MyWine" in (folder / "test_model.py").read_text()
    folder = slipway.save(estimator, rows, truth, "wine")
    (folder / "README.md").write_text("mine")
    with pytest.raises(SlipwayError, match="is there already"):
        slipway.save(estimator, rows, truth, "wine")
    slipway.save(estimator, rows, truth, "wine", replace=True)
    text = (folder / "model.py").read_text()
    assert '"x0"' in text
    assert '"b"' in text
    assert (folder / "README.md").read_text() == "mine"
    with pytest.raises(SlipwayError, match="fruit is there already"):
        slipway.save(estimator, rows, truth, "fruit", replace=True)


def double(values):
    return values * 2


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda rows, truth: (rows, truth[:3]), "40 rows and 3 values of kind"),
        (lambda rows, truth: (rows.assign(kind=1), truth), "kind is among the rows"),
        (lambda rows, truth: (rows[:0], truth[:0]), "there are no rows"),
    ],
)
def test_rows_that_do_not_fit_are_refused(notebook, change, says):
    """Before anything is written."""
    rows, truth = change(notebook.fresh[COLUMNS], notebook.fresh["kind"])
    with pytest.raises(SlipwayError, match=says):
        slipway.save(classifier(notebook.seen), rows, truth, "wine")
    assert not (notebook.root / "model" / "wine").exists()


def test_a_function_of_the_notebook_is_refused(notebook, monkeypatch):
    """Nobody else could load it."""
    monkeypatch.setattr(double, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "double", double, raising=False)
    rows = notebook.fresh[COLUMNS[:2]]
    estimator = make_pipeline(FunctionTransformer(double), LinearRegression()).fit(rows, rows["width"])
    with pytest.raises(SlipwayError, match="which no module of the repository or of a package has"):
        slipway.save(estimator, rows, rows["width"].rename("y"), "wine")


@pytest.mark.usefixtures("notebook")
def test_a_notebook_imports_models_from_any_folder_and_predicts_tables():
    """`import slipway` finds the repository, and `predict` takes a DataFrame."""
    program = (
        "import sys; sys.ps1 = '>>> '\n"
        "import slipway, pandas\n"
        "from model.fruit.model import Fruit\n"
        "data = pandas.read_csv('../model/fruit/fruit.csv')\n"
        "model = Fruit(); model.train(data)\n"
        "print(model.predict(data.head(2)))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "['small', 'large']\n", done.stderr
