"""Estimators of an artifact become graphs where the whole model answers as before."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from slipway.artifacts import Golden, load, save
from slipway.artifacts.loading import each
from slipway.schema import Field, Schema
from slipway.training import conversion as converting
from tests.unit.training import kinds

X, CLASSES = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[CLASSES]
NUMBERS = tuple(Field(name=name, kind="number") for name in kinds.Rows.source_features)

CLASS = Field(name="y", kind="integer", categories=(0, 1, 2))
NAME = Field(name="y", kind="string", categories=("setosa", "versicolor", "virginica"))
TRUTH = Field(name="y", kind="boolean", categories=(False, True))
QUANTITY = Field(name="y", kind="number")


class Made(NamedTuple):
    """A trained model's artifact, its rows, what it answered as Python, and what became of its estimators."""

    folder: object
    rows: list
    before: list
    found: dict

    @property
    def answers(self):
        return load(self.folder).answer(self.rows)


@pytest.fixture
def convert(tmp_path):
    """A function that trains a model of a class on data, and converts it."""

    def converting_(model, data, target, fields=NUMBERS) -> Made:
        model.train(data)
        folder = tmp_path / "artifact"
        save(model, Schema(fields=fields, target=target), Golden(rows=[], predictions=[]), folder)
        features = data[[field.name for field in fields]].astype(object)
        rows = features.where(features.notna(), None).to_dict("records")
        before = each(load(folder), rows)
        return Made(folder, rows, before, converting.convert(folder, rows, tmp_path / "originals"))

    return converting_


def flowers(target):
    return pd.DataFrame(X, columns=[field.name for field in NUMBERS]).assign(y=target)


def of(kind, estimator):
    model = kind()
    model.estimator = estimator
    return model


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
        RandomForestClassifier(10, random_state=0),
        make_pipeline(StandardScaler(), RandomForestClassifier(10, random_state=0)),
        ExtraTreesClassifier(10, random_state=0),
        DecisionTreeClassifier(random_state=0),
        GradientBoostingClassifier(n_estimators=5, random_state=0),
        HistGradientBoostingClassifier(max_iter=5, random_state=0),
        CalibratedClassifierCV(SVC(), ensemble=False),
        GaussianNB(),
        MLPClassifier(max_iter=50, random_state=0),
    ],
    ids=lambda value: "-".join(type(step).__name__ for _, step in getattr(value, "steps", [("", value)])),
)
@pytest.mark.parametrize(("target", "field"), [(CLASSES, CLASS), (NAMES, NAME)], ids=["integers", "texts"])
def test_a_classifier_becomes_a_graph_that_is_as_sure(convert, estimator, target, field):
    """Labels of their own type, and probabilities within the tolerance, which the record keeps."""
    made = convert(of(kinds.Sure, estimator), flowers(target), field)

    conversion = made.found["estimator"]
    assert (conversion.form, conversion.how, conversion.rows) == ("onnx", "float64", 150)
    assert conversion.largest_difference <= conversion.tolerance == 1e-6
    assert [answer["y"] for answer in made.answers] == [answer["y"] for answer in made.before]


@pytest.mark.parametrize("estimator", [LogisticRegression(), RandomForestClassifier(10, random_state=0)], ids=str)
def test_truth_values_stay_truth_values(convert, estimator):
    """A graph has no such classes; callers get them all the same."""
    made = convert(of(kinds.Sure, estimator), flowers(CLASSES == 1), TRUTH)

    assert made.found["estimator"].form == "onnx"
    assert made.answers[0]["y"] is False


@pytest.mark.parametrize(
    "estimator",
    [
        LinearRegression(),
        make_pipeline(StandardScaler(), Ridge()),
        RandomForestRegressor(10, random_state=0),
        GradientBoostingRegressor(n_estimators=5, random_state=0),
        HistGradientBoostingRegressor(max_iter=5, random_state=0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_regression_becomes_a_graph(convert, estimator):
    """In float64, so that numbers differ by rounding at the most; one for each row."""
    made = convert(of(kinds.Rows, estimator), flowers(X[:, 0] * 10), QUANTITY)

    assert made.found["estimator"].how == "float64"
    assert made.answers == pytest.approx(made.before, rel=1e-12)


def test_a_tie_of_a_forest_falls_as_before(convert):
    """With an even number of votes there are some; summed in float32, they would fall otherwise on some rows."""
    target = np.arange(150) % 2

    made = convert(of(kinds.Sure, RandomForestClassifier(4, max_depth=3, random_state=0)), flowers(target), CLASS)

    assert made.found["estimator"].largest_difference == 0
    assert made.answers == made.before


def test_several_outputs(convert):
    """A prediction of two numbers stays one of two numbers."""
    model = of(kinds.Pair, Ridge())

    made = convert(model, flowers(X[:, 0]), QUANTITY)

    assert made.found["estimator"].form == "onnx"
    assert made.answers[0].keys() == {"y", "other"}


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(max_iter=500),
        make_pipeline(StandardScaler(), LogisticRegression()),
        LinearSVC(),
        make_pipeline(StandardScaler(), LinearSVC()),
        RidgeClassifier(),
        SGDClassifier(random_state=0),
    ],
    ids=lambda value: "-".join(type(step).__name__ for _, step in getattr(value, "steps", [("", value)])),
)
@pytest.mark.parametrize("target", [CLASSES, NAMES == "setosa"], ids=["three classes", "two classes"])
def test_the_scores_of_a_decision(convert, estimator, target):
    """One number for each row where there are two classes, else one for each class, to the last digit but one."""
    made = convert(of(kinds.Scores, estimator), flowers(target), QUANTITY)

    assert made.found["estimator"].how == "float64"
    assert np.shape(made.answers) == np.shape(made.before)
    assert np.allclose(made.answers, made.before, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "estimator", [LinearSVC(), make_pipeline(StandardScaler(), LinearSVC()), RidgeClassifier()], ids=str
)
@pytest.mark.parametrize(("target", "field"), [(NAMES, NAME), (CLASSES == 1, TRUTH)], ids=["texts", "truth"])
def test_a_classifier_that_gives_no_probabilities(convert, estimator, target, field):
    """Its labels are all that there is."""
    made = convert(of(kinds.Rows, estimator), flowers(target), field)

    assert made.found["estimator"].how == "float64"
    assert made.answers == made.before


@pytest.mark.parametrize("estimator", [LogisticRegression(), RandomForestClassifier(10, random_state=0)], ids=str)
def test_a_table_of_numbers_and_truth_values(convert, estimator):
    """An estimator that takes it as it is gets rows of numbers, as scikit-learn makes of it."""
    data = pd.DataFrame({"a": X[:, 0], "b": X[:, 2] > 3, "y": NAMES})
    fields = (Field(name="a", kind="number"), Field(name="b", kind="boolean"))

    made = convert(kinds.Given(estimator), data, NAME, fields)

    assert made.found["fitted"].how == "float64"
    assert made.answers == made.before


PIPELINE_FIELDS = (
    Field(name="a", kind="number", optional=True),
    Field(name="b", kind="number"),
    Field(name="kind", kind="string", categories=("blue", "green", "red")),
)


def mixed(kind=("red", "green", "blue")):
    data = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "kind": [kind[at % 3] for at in range(150)], "y": NAMES})
    data.loc[::7, "a"] = np.nan
    return data


@pytest.mark.parametrize(
    "fields",
    [PIPELINE_FIELDS, (*PIPELINE_FIELDS[:2], Field(name="kind", kind="string"))],
    ids=["categories", "free text"],
)
def test_columns_by_name_with_texts_and_missing_numbers(convert, fields):
    """Numbers that are missing and texts that were never seen are answered, or fail, as before."""
    made = convert(kinds.Table(), mixed(), NAME, fields)

    assert made.found["fitted"].form == "onnx"
    assert made.found["fitted"].how == "float64"
    assert made.answers == made.before


def test_missing_texts_stay_python(convert):
    """A graph has none."""
    data = mixed()
    data.loc[::9, "kind"] = None
    kind = Field(name="kind", kind="string", categories=("blue", "green", "red"), optional=True)

    made = convert(kinds.Filling(), data, NAME, (*PIPELINE_FIELDS[:2], kind))

    assert made.found["fitted"].form == "skops"
    assert made.found["fitted"].why == "its column kind is neither all numbers nor all text"


def test_what_takes_texts_apart_stays_python(convert):
    """A graph knows ASCII alone, so rows that nobody has seen would be answered otherwise without a word."""
    data = pd.DataFrame({"text": [f"{name} number {at}" for at, name in enumerate(NAMES)], "y": NAMES})

    made = convert(kinds.Words(), data, NAME, (Field(name="text", kind="string"),))

    assert made.found["fitted"].form == "skops"
    assert made.found["fitted"].why == "ONNX takes texts apart otherwise, where not all letters are ASCII"


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (of(kinds.Sure, KNeighborsClassifier()), "of 150 rows are answered otherwise: row"),
        (of(kinds.Rows, NearestCentroid()), "there is no conversion of sklearn.neighbors"),
        (
            of(kinds.Rows, make_pipeline(kinds.Doubled(), Ridge())),
            "there is no conversion of tests.unit.training.kinds",
        ),
        (of(kinds.Curious, RandomForestClassifier(2)), "predict reads its estimators_, which a graph cannot keep"),
        (of(kinds.Taking, make_pipeline(StandardScaler(), Ridge())), "predict does more with it than call it"),
        (of(kinds.Idle, LogisticRegression()), "predict does not use it"),
    ],
    ids=["unfaithful", "unsupported", "own transformer", "looked into", "taken apart", "unused"],
)
def test_what_is_not_faithful_stays_python_and_says_why(convert, model, why):
    """The record explains the decision, and nothing has changed."""
    made = convert(model, flowers(CLASSES), QUANTITY)

    assert made.found["estimator"].form == "skops"
    assert why in made.found["estimator"].why
    assert made.answers == made.before


def test_an_estimator_in_a_list_stays_python(convert):
    """Only attributes of their own are converted."""
    assert convert(kinds.Several(), flowers(CLASSES), CLASS).found["estimators"].why.startswith("it is no estimator")


def test_each_of_several_estimators_is_converted(convert, tmp_path):
    """Together they answer as before; as they were they are kept beside the artifact."""
    made = convert(kinds.Two(), flowers(NAMES), NAME)

    assert {name: conversion.form for name, conversion in made.found.items()} == {"estimator": "onnx", "scaler": "onnx"}
    assert made.answers == made.before
    assert sorted(path.name for path in (tmp_path / "originals").iterdir()) == ["estimator.skops", "scaler.skops"]
    assert sorted(path.name for path in (made.folder / "parts").iterdir()) == ["estimator.onnx", "scaler.onnx"]


def test_rows_that_the_model_refuses_are_refused_by_both(convert):
    """A row that cannot be is in the data of some; the others are compared."""
    made = convert(of(kinds.Refusing, LogisticRegression(max_iter=500)), flowers(NAMES), NAME)

    assert made.found["estimator"].form == "onnx"


def test_the_line_that_is_shown(convert):
    """How it was converted, on how many rows it is alike, and how far off."""
    made = convert(of(kinds.Rows, LogisticRegression(max_iter=500)), flowers(NAMES), NAME)

    assert converting.line(made.found) == "estimator: ONNX (float64), 150 rows alike, largest difference 0"
