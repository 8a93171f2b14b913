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
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from slipway.artifacts import Golden, load, save
from slipway.artifacts.onnx import listing
from slipway.artifacts.onnx.scaling import clipped
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
ANYTHING = Field(name="y", kind="any")


class Made(NamedTuple):
    """An artifact after conversion, its rows, its answers before it, and the results by estimator."""

    folder: object
    rows: list
    before: list
    found: dict

    @property
    def answers(self):
        return load(self.folder).answer(self.rows)


@pytest.fixture
def convert(tmp_path):
    """Return a function that trains a model on data and converts it."""

    def converting_(model, data, target, fields=NUMBERS) -> Made:
        model.train(data)
        folder = tmp_path / "artifact"
        save(model, Schema(fields=fields, target=target), Golden(rows=[], predictions=[]), folder)
        features = data[[field.name for field in fields]].astype(object)
        rows = features.where(features.notna(), None).to_dict("records")
        before = load(folder).answer_each(rows)
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
    """Labels keep their type, and probabilities are within the tolerance."""
    made = convert(of(kinds.Sure, estimator), flowers(target), field)

    conversion = made.found["estimator"]
    assert (conversion.form, conversion.how, conversion.rows) == ("onnx", "float64", 150)
    assert conversion.largest_difference <= conversion.tolerance == 1e-9
    assert [answer["y"] for answer in made.answers] == [answer["y"] for answer in made.before]


@pytest.mark.parametrize("estimator", [LogisticRegression(), RandomForestClassifier(10, random_state=0)], ids=str)
def test_truth_values_stay_truth_values(convert, estimator):
    """A graph has no classes of this type; callers get them all the same."""
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
    """The graph computes in float64, and gives a number for each row."""
    made = convert(of(kinds.Rows, estimator), flowers(X[:, 0] * 10), QUANTITY)

    assert made.found["estimator"].how == "float64"
    assert made.answers == pytest.approx(made.before, rel=1e-12)


def test_a_tie_of_a_forest_falls_as_before(convert):
    """An even number of votes gives ties. Sums in float32 would decide some of them differently."""
    target = np.arange(150) % 2

    made = convert(of(kinds.Sure, RandomForestClassifier(4, max_depth=3, random_state=0)), flowers(target), CLASS)

    assert made.found["estimator"].largest_difference == 0
    assert made.answers == made.before


def test_several_outputs_are_kept(convert):
    """A prediction of two numbers keeps both."""
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
@pytest.mark.parametrize(
    ("target", "field"), [(CLASSES, ANYTHING), (NAMES == "setosa", QUANTITY)], ids=["three classes", "two classes"]
)
def test_scores_of_a_decision_are_kept(convert, estimator, target, field):
    """Two classes give one score for each row, more give one for each class."""
    made = convert(of(kinds.Scores, estimator), flowers(target), field)

    assert made.found["estimator"].how == "float64"
    assert np.shape(made.answers) == np.shape(made.before)
    assert np.allclose(made.answers, made.before, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "estimator", [LinearSVC(), make_pipeline(StandardScaler(), LinearSVC()), RidgeClassifier()], ids=str
)
@pytest.mark.parametrize(("target", "field"), [(NAMES, NAME), (CLASSES == 1, TRUTH)], ids=["texts", "truth"])
def test_a_classifier_without_probabilities_is_converted(convert, estimator, target, field):
    """The graph gives its labels."""
    made = convert(of(kinds.Rows, estimator), flowers(target), field)

    assert made.found["estimator"].how == "float64"
    assert made.answers == made.before


@pytest.mark.parametrize("estimator", [LogisticRegression(), RandomForestClassifier(10, random_state=0)], ids=str)
def test_a_table_of_numbers_and_truth_values_is_converted(convert, estimator):
    """An estimator that takes the table gets rows of numbers, as from scikit-learn."""
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
def test_a_pipeline_on_texts_and_missing_numbers_is_converted(convert, fields):
    """Missing numbers and unseen texts are answered, or fail, as before."""
    made = convert(kinds.Table(), mixed(), NAME, fields)

    assert made.found["fitted"].form == "onnx"
    assert made.found["fitted"].how == "float64"
    assert made.answers == made.before


def test_missing_texts_are_filled_in(convert):
    """They have a code of their own in a graph."""
    data = mixed()
    data.loc[::9, "kind"] = None
    kind = Field(name="kind", kind="string", categories=("blue", "green", "red"), optional=True)

    made = convert(kinds.Filling(), data, NAME, (*PIPELINE_FIELDS[:2], kind))

    assert made.found["fitted"].form == "onnx"
    assert made.answers == made.before


def test_what_takes_texts_apart_stays_python(convert):
    """A graph takes no text apart."""
    data = pd.DataFrame({"text": [f"{name} number {at}" for at, name in enumerate(NAMES)], "y": NAMES})

    made = convert(kinds.Words(), data, NAME, (Field(name="text", kind="string"),))

    assert made.found["fitted"].form == "skops"
    assert made.found["fitted"].why.startswith("there is no conversion of sklearn.feature_extraction.text")


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (of(kinds.Sure, KNeighborsClassifier()), "there is no conversion of sklearn.neighbors"),
        (of(kinds.Rows, NearestCentroid()), "there is no conversion of sklearn.neighbors"),
        (
            of(kinds.Rows, make_pipeline(kinds.Doubled(), Ridge())),
            "there is no conversion of tests.unit.training.kinds",
        ),
        (of(kinds.Curious, RandomForestClassifier(2)), "predict reads its estimators_, which a graph cannot keep"),
        (of(kinds.Taking, make_pipeline(StandardScaler(), Ridge())), "predict does more with it than call it"),
        (of(kinds.Idle, LogisticRegression()), "predict does not use it"),
    ],
    ids=["neighbours", "centroids", "own transformer", "looked into", "taken apart", "unused"],
)
def test_an_unfaithful_conversion_stays_python_with_a_reason(convert, model, why):
    """The record has the reason, and the artifact is unchanged."""
    made = convert(model, flowers(CLASSES), QUANTITY)

    assert made.found["estimator"].form == "skops"
    assert why in made.found["estimator"].why
    assert made.answers == made.before


def test_an_estimator_in_a_list_stays_python(convert):
    """An estimator is converted if it is an attribute of the model."""
    assert convert(kinds.Several(), flowers(CLASSES), CLASS).found["estimators"].why.startswith("it is no estimator")


def test_each_of_several_estimators_is_converted(convert, tmp_path):
    """Together they answer as before. The originals are kept beside the artifact."""
    made = convert(kinds.Two(), flowers(NAMES), NAME)

    assert {name: conversion.form for name, conversion in made.found.items()} == {"estimator": "onnx", "scaler": "onnx"}
    assert made.answers == made.before
    assert sorted(path.name for path in (tmp_path / "originals").iterdir()) == ["estimator.skops", "scaler.skops"]
    assert sorted(path.name for path in (made.folder / "parts").iterdir()) == ["estimator.onnx", "scaler.onnx"]


def test_rows_that_the_model_refuses_are_refused_by_both(convert):
    """Data may hold impossible rows; the other rows are compared."""
    made = convert(of(kinds.Refusing, LogisticRegression(max_iter=500)), flowers(NAMES), NAME)

    assert made.found["estimator"].form == "onnx"


@pytest.mark.parametrize("written", ["clipped", "scaled"])
def test_a_graph_that_differs_beyond_the_data_is_not_taken(convert, monkeypatch, written):
    """All rows of the data are alike, and a probe is not."""
    given = flowers(X[:, 0] * 10)
    scaler = MinMaxScaler(clip=True) if written == "clipped" else MaxAbsScaler()
    entry = listing.entry(scaler)

    def unfaithful(scaler, table, graph):
        found = entry.write(scaler, table, graph)["transform"]
        if written == "scaled":
            return {"transform": found._replace(name=clipped(graph, found.name, -1.0, 1.0))}
        return {
            "transform": found._replace(
                name=graph.node("Add", graph.node("Mul", table.name, scaler.scale_), scaler.min_)
            )
        }

    monkeypatch.setitem(listing._ENTRIES, entry.name, entry._replace(write=unfaithful))
    made = convert(of(kinds.Rows, make_pipeline(scaler, Ridge())), given, QUANTITY)

    assert made.found["estimator"].form == "skops"
    assert "rows beyond the data are answered otherwise: row" in made.found["estimator"].why


def test_the_model_is_asked_nothing_where_the_list_has_no_conversion(tmp_path, monkeypatch):
    """The reason is known without any data."""
    model = of(kinds.Rows, KNeighborsClassifier())
    model.train(flowers(CLASSES))
    save(model, Schema(fields=NUMBERS, target=CLASS), Golden(rows=[], predictions=[]), tmp_path / "artifact")
    monkeypatch.setattr(kinds.Rows, "predict", None)

    found = converting.convert(tmp_path / "artifact", [], tmp_path / "originals")

    assert found["estimator"].why.startswith("there is no conversion of sklearn.neighbors")


def test_the_line_tells_the_result(convert):
    """It has the way of the conversion, the number of rows and the largest difference."""
    made = convert(of(kinds.Rows, LogisticRegression(max_iter=500)), flowers(NAMES), NAME)

    assert converting.line(made.found) == (
        "estimator: ONNX (float64), 150 rows alike, and 125 rows beyond the data: 0 different; largest difference 0"
    )
