import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.cluster import Birch
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.experimental import enable_halving_search_cv, enable_iterative_imputer  # noqa: F401 - two imports need them
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import IterativeImputer, SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, HalvingGridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, SplineTransformer, StandardScaler
from sklearn.svm import SVC

from slipway import digests
from slipway.artifacts import estimators
from slipway.artifacts.trust import Trust
from slipway.errors import SlipwayError
from tests.unit.artifacts.zoo import Clip, Simple, with_squares

TRUST = Trust.of(Simple)
NUMBERS, CLASSES = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[CLASSES]
TABLE = pd.DataFrame({"length": NUMBERS[:, 0], "size": np.where(NUMBERS[:, 1] > 3, "big", "small")})
GRADES = np.column_stack([NUMBERS[:, 0], np.round(NUMBERS[:, 1])])
GAPS = np.where(np.arange(NUMBERS.size).reshape(NUMBERS.shape) % 7, NUMBERS, np.nan)
TEXTS = ["the sea", "a hill", "the hill and the sea"] * 50

ESTIMATORS = {
    "logistic": (make_pipeline(StandardScaler(), LogisticRegression()), NUMBERS),
    "forest": (RandomForestClassifier(5, random_state=0), NUMBERS),
    "boosting": (GradientBoostingClassifier(n_estimators=3, random_state=0), NUMBERS),
    "histograms": (HistGradientBoostingClassifier(max_iter=3, random_state=0), NUMBERS),
    "categories": (HistGradientBoostingClassifier(max_iter=3, categorical_features=[1], random_state=0), GRADES),
    "vectors": (SVC(random_state=0), NUMBERS),
    "neighbours": (KNeighborsClassifier(), NUMBERS),
    "columns": (
        make_pipeline(
            make_column_transformer((StandardScaler(), ["length"]), (OneHotEncoder(), ["size"])), LogisticRegression()
        ),
        TABLE,
    ),
    "own function": (
        make_pipeline(FunctionTransformer(with_squares), FunctionTransformer(np.log1p), LogisticRegression(C=0.1)),
        NUMBERS,
    ),
    "own class": (make_pipeline(Clip(), SimpleImputer(), SelectKBest(k=2), LogisticRegression()), NUMBERS),
    "splines": (make_pipeline(SplineTransformer(), LogisticRegression(C=0.1)), NUMBERS),
    "text": (make_pipeline(TfidfVectorizer(stop_words=["the"]), LogisticRegression()), TEXTS),
    "imputer of estimates": (make_pipeline(IterativeImputer(random_state=0), LogisticRegression(C=0.1)), GAPS),
    "search by halving": (
        HalvingGridSearchCV(LogisticRegression(max_iter=500), {"C": [0.1, 1.0]}, cv=2, random_state=0),
        NUMBERS,
    ),
    "search": (GridSearchCV(LogisticRegression(max_iter=500), {"C": [0.1, 1.0]}, cv=2), NUMBERS),
}


def dump_all() -> bytes:
    """Fit and save every estimator of `ESTIMATORS`; return the bytes of all."""
    return b"".join(
        estimators.dump(clone(each).fit(data, NAMES), TRUST, name) for name, (each, data) in ESTIMATORS.items()
    )


@pytest.mark.parametrize("name", ESTIMATORS)
def test_an_estimator_predicts_the_same_when_it_is_loaded(name):
    """Its predictions are equal to the last bit."""
    estimator, data = ESTIMATORS[name]
    estimator.fit(data, NAMES)

    loaded = estimators.load(estimators.dump(estimator, TRUST, name), TRUST, name)

    method = "decision_function" if hasattr(estimator, "decision_function") else "predict_proba"
    assert (loaded.predict(data) == estimator.predict(data)).all()
    assert (getattr(loaded, method)(data) == getattr(estimator, method)(data)).all()


@pytest.mark.long(4)
def test_an_estimator_gives_the_same_bytes_in_every_process(tmp_path):
    """Hash seed, time zone, umask, folder and earlier imports do not change them."""
    code = "import os; os.umask(0o077)\nfrom tests.unit.artifacts.test_estimators import dump_all\n"
    code += "from slipway.digests import of_bytes; print(of_bytes(dump_all()))"
    variables = {"PYTHONHASHSEED": "2", "TZ": "Asia/Tokyo", "PYTHONPATH": str(Path(__file__).resolve().parents[3])}

    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env={**os.environ, **variables},
        cwd=tmp_path,
        check=True,
        capture_output=True,
        text=True,
    )

    assert done.stdout.strip() == digests.of_bytes(dump_all())


def test_objects_stay_shared():
    """An object that occurs twice is saved once, and is one object when it is loaded."""
    scaler = StandardScaler().fit(NUMBERS)

    loaded = estimators.load(estimators.dump({"a": scaler, "b": [scaler]}, TRUST, "it"), TRUST, "it")

    assert loaded["a"] is loaded["b"][0]


def test_the_file_tells_no_time_and_no_address():
    """Files in the archive are named by their content."""
    content = estimators.dump(StandardScaler().fit(NUMBERS), TRUST, "it")

    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()

    assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
    assert [entry.filename for entry in entries] == ["schema.json", *sorted(e.filename for e in entries[1:])]


def test_measured_times_are_not_saved():
    """Two runs of a search take different times; predictions do not depend on them."""
    search, data = ESTIMATORS["search"]

    loaded = estimators.load(estimators.dump(search.fit(data, NAMES), TRUST, "it"), TRUST, "it")

    assert loaded.refit_time_ is None
    assert loaded.cv_results_["mean_fit_time"] is None
    assert loaded.cv_results_["rank_test_score"].tolist() == search.cv_results_["rank_test_score"].tolist()


def test_an_attribute_that_skops_cannot_save_is_named():
    """The message has the attribute, its type, and what can be saved."""
    with pytest.raises(SlipwayError, match=r"Iris\.tree \(a sklearn.*Birch\) cannot be saved") as refusal:
        estimators.dump(Birch().fit(NUMBERS), TRUST, "Iris.tree")

    assert "numpy array" in refusal.value.fix


@pytest.mark.parametrize("content", [b"", b"PK nonsense", b"\x80\x04."])
def test_a_damaged_file_is_a_clear_error(content):
    """The error is a `SlipwayError`, and no traceback of a library."""
    with pytest.raises(SlipwayError, match=r"parts/a\.skops cannot be loaded"):
        estimators.load(content, TRUST, "parts/a.skops")
