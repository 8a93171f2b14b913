"""A fitted estimator becomes a model's folder, which is trained, served and released as every other."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
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


@pytest.mark.long(3)
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


@pytest.mark.long(6)
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
        (lambda rows, truth: (csr_matrix(rows[COLUMNS[:2]].to_numpy()), truth), "a sparse matrix"),
        (
            lambda rows, truth: (rows[COLUMNS[:2]], truth),
            "does not predict these rows: ValueError: .*missing: .*colour",
        ),
        (lambda rows, truth: (rows.to_numpy()[:, :2], truth), "have 2 columns, and the estimator was fitted on 3"),
        (lambda rows, truth: (rows["length"], truth), "have one dimension"),
        (lambda rows, truth: (rows, truth.where(truth != "small")), "kind has no value in row"),
        (lambda rows, _: (rows, LinearRegression()), "the truth is a LinearRegression"),
    ],
)
def test_rows_that_do_not_fit_are_refused(notebook, change, says):
    """Before anything is written."""
    rows, truth = change(notebook.fresh[COLUMNS], notebook.fresh["kind"])
    with pytest.raises(SlipwayError, match=says):
        slipway.save(classifier(notebook.seen), rows, truth, "wine")
    assert not (notebook.root / "model" / "wine").exists()


@pytest.mark.parametrize("name", [None, 7])
def test_a_name_that_is_no_text_is_refused(notebook, name):
    """The call may lack it."""
    with pytest.raises(SlipwayError, match="cannot be a model's name: it is no text"):
        slipway.save(classifier(notebook.seen), notebook.fresh[COLUMNS], None, name)


def test_an_estimator_that_was_not_fitted_is_refused(notebook):
    """It says so itself."""
    with pytest.raises(SlipwayError, match="does not predict these rows: NotFittedError"):
        slipway.save(LogisticRegression(), notebook.fresh[COLUMNS[:2]], None, "wine")


TEXTS = pd.Series(["good sea", "bad hill", "good hill", "bad sea", "bad bad", "good"] * 4, name="comment")
MOODS = ["up", "down", "up", "down", "down", "up"] * 4


@pytest.mark.parametrize(
    ("rows", "column"),
    [
        (TEXTS, "comment"),
        (TEXTS.tolist(), "text"),
        (TEXTS.to_numpy(), "text"),
        (TEXTS.to_frame(), "comment"),
        (TEXTS[:1], "comment"),
    ],
    ids=["Series", "list", "array", "DataFrame", "one text"],
)
def test_an_estimator_of_texts_gets_texts(notebook, rows, column):
    """It would take a table of one column for one text, and answer all rows alike."""
    estimator = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, MOODS)
    folder = slipway.save(estimator, rows, MOODS[: len(rows)], "wine", root=str(notebook.root))
    assert f'        "{column}",\n    ]' in (folder / "model.py").read_text()
    assert "takes_texts = True" in (folder / "model.py").read_text()


def test_a_saved_estimator_of_texts_answers_each_alone_as_among_others(notebook):
    """The artifact gives it the column that callers fill."""
    estimator = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(TEXTS, MOODS)
    slipway.save(estimator, TEXTS, MOODS, "wine")
    loaded = load(published(notebook, "wine", ("fetch", "check", "fit")) / "artifact")
    asked = [{"comment": text} for text in ("good", "bad", "good hill")]
    assert loaded.answer(asked) == ["up", "down", "up"]
    assert [loaded.answer([row]) for row in asked] == [["up"], ["down"], ["up"]]


def test_an_estimator_of_a_table_of_texts_gets_a_table(notebook):
    """Its own first step takes the column out."""
    estimator = make_pipeline(make_column_transformer((TfidfVectorizer(), "comment")), LogisticRegression())
    folder = slipway.save(estimator.fit(TEXTS.to_frame(), MOODS), TEXTS.to_frame(), MOODS, "wine", root=notebook.root)
    assert "takes_texts" not in (folder / "model.py").read_text()


@pytest.mark.long(1)
@pytest.mark.usefixtures("notebook")
@pytest.mark.parametrize(
    ("truth", "targets"),
    [
        (np.arange(20.0).reshape(20, 1), '"target"'),
        (np.arange(20.0).reshape(20, 1).tolist(), '"target"'),
        (pd.DataFrame({"price": np.arange(20.0)}), '"price"'),
        (np.arange(40.0).reshape(20, 2), '"target_1"'),
    ],
)
@pytest.mark.parametrize("given", [np.asarray, np.ndarray.tolist, pd.DataFrame, "dict", "records"])
def test_truth_and_rows_come_in_many_forms(truth, targets, given):
    """A column of one target is a target, and each column of several is one."""
    rows = np.arange(40.0).reshape(20, 2)
    table = pd.DataFrame(rows, columns=["a", "b"])
    estimator = LinearRegression().fit(rows if callable(given) else table, truth)
    if callable(given):
        rows = table if given is pd.DataFrame else given(rows)
    else:
        rows = table.to_dict("list" if given == "dict" else "records")
    folder = slipway.save(estimator, rows, truth, "wine")
    assert targets in (folder / "model.py").read_text()


def test_numbers_with_gaps_of_pandas_own_kind_are_gaps(notebook):
    """NA is neither equal to itself nor not."""
    rows = pd.DataFrame({"length": pd.array([1, None, 3, 4] * 10, dtype="Int64")})
    estimator = make_pipeline(SimpleImputer(), LinearRegression()).fit(rows, np.arange(40.0))
    folder = slipway.save(estimator, rows, np.arange(40.0), "wine", root=notebook.root)
    assert "length,target\n1,0.0\n,1.0\n" in (folder / "wine.csv").read_text()


def test_a_function_of_the_notebook_is_refused(notebook, monkeypatch):
    """Nobody else could load it."""
    monkeypatch.setattr(double, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "double", double, raising=False)
    rows = notebook.fresh[COLUMNS[:2]]
    estimator = make_pipeline(FunctionTransformer(double), LinearRegression()).fit(rows, rows["width"])
    with pytest.raises(SlipwayError, match="which no module of the repository or of a package has"):
        slipway.save(estimator, rows, rows["width"].rename("y"), "wine")


@pytest.mark.long(3)
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
