"""Rows that scikit-learn refuses are told from faults of the model."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import NMF
from sklearn.ensemble import RandomForestClassifier
from sklearn.isotonic import IsotonicRegression
from sklearn.kernel_approximation import SkewedChi2Sampler
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, OneHotEncoder, OrdinalEncoder, PowerTransformer, SplineTransformer

from slipway.artifacts.loading import Loaded
from slipway.artifacts.manifest import Manifest
from slipway.artifacts.refusals import Refusal, refusal
from slipway.model import InputError, PipelineModel
from slipway.schema import Field, Schema

MANIFEST = Manifest(entry="model:Kinds", parameters={}, tolerance=0, format=1, python="3.11", parts={}, missing="nan")
TABLE = pd.DataFrame({"size": [1.0, 2.0, 3.0, 4.0], "kind": ["a", "b", "b", "a"]})


def raised(function, *arguments):
    with pytest.raises(Exception) as caught:
        function(*arguments)
    return caught.value


@pytest.fixture
def pipeline():
    encoder = make_column_transformer((OneHotEncoder(), ["kind"]), remainder="passthrough")
    return make_pipeline(encoder, LogisticRegression()).fit(TABLE, [0, 1, 1, 0])


def test_an_unknown_category_names_its_column(pipeline):
    """The encoder tells it."""
    found = refusal(raised(pipeline.predict, TABLE.assign(kind="c")))

    assert (found.column, found.row, found.reason) == ("kind", None, "is none of the known categories: ['c']")


@pytest.mark.parametrize("number", [np.nan, np.inf, 1e39])
def test_a_number_that_is_none_is_a_refusal(number):
    """Missing, infinite, or beyond what a tree takes."""
    forest = RandomForestClassifier(2, random_state=0, criterion="entropy").fit([[0.0], [1.0]], [0, 1])
    forest.estimators_[0].splitter = "random"
    logistic = LogisticRegression().fit([[0.0], [1.0]], [0, 1])

    estimator = forest if number == 1e39 else logistic
    assert refusal(raised(estimator.predict, [[number]])).reason == "a number is missing, infinite or too large"


SOME = [[1.0], [2.0], [3.0], [4.5]]
FLAT = [[1.0, 1.0], [2.0, 2.0]]


@pytest.mark.parametrize(
    ("ask", "reason"),
    [
        (lambda: SplineTransformer(extrapolation="error").fit(SOME).transform([[9.0]]), "beyond the limits"),
        (lambda: PowerTransformer("box-cox").fit(SOME).transform([[0.0]]), "strictly positive"),
        (lambda: SkewedChi2Sampler(n_components=2).fit(SOME).transform([[-9.0]]), "smaller than"),
        (lambda: NMF(1, max_iter=5, tol=1).fit(SOME).transform([[-9.0]]), "Negative values"),
        (lambda: IsotonicRegression(out_of_bounds="raise").fit(SOME, [1, 2, 3, 4]).predict([9.0]), "interpolation"),
        (
            lambda: (
                KNeighborsClassifier(1, weights="distance", algorithm="kd_tree")
                .fit(FLAT, [0, 1])
                .predict([[1e300] * 2])
            ),
            "zero weights",
        ),
        (lambda: OrdinalEncoder().fit(SOME).transform([[9.0]]), "none of the known categories: .*9"),
        (lambda: LabelEncoder().fit([1, 2]).transform([9]), "none of the known categories: .*9"),
        (lambda: LabelEncoder().fit(["a", "b"]).transform(["c"]), "none of the known categories: .*c"),
        (lambda: LabelEncoder().fit(np.array(["a"], object)).transform(np.array(["c"], object)), "none of .*c"),
    ],
)
def test_a_value_that_an_estimator_does_not_take_is_a_refusal(ask, reason):
    """It says so in its own words."""
    assert re.search(reason, refusal(raised(ask)).reason)


def test_a_refusal_of_a_graph_is_one():
    """It is as it was raised."""
    error = Refusal("is infinite", row=3, column="size")

    assert refusal(error) is error
    assert str(error) == "row 3, column size: is infinite"


@pytest.mark.parametrize(
    "fault",
    [
        lambda: LogisticRegression().fit([[0.0], [1.0]], [0, 1]).predict([1.0]),
        lambda: LogisticRegression().fit([[0.0], [1.0]], [0, 1]).predict([[1.0, 2.0]]),
        lambda: LogisticRegression().predict([[1.0]]),
        lambda: float("Input X contains NaN."),
        lambda: {}["a"],
        lambda: LabelEncoder().fit(["a", "b"]).inverse_transform([7]),
    ],
    ids=["shape", "width", "not fitted", "own code", "another error", "a label of its own"],
)
def test_other_failures_are_none(fault):
    """They are faults of the model, whatever they say."""
    assert refusal(raised(fault)) is None


class Kinds(PipelineModel):
    source_features = ("size", "kind")
    target_variable = "y"

    def pipeline(self):
        raise NotImplementedError


class Own(Kinds):
    def predict(self, rows):
        return self.fitted.predict(pd.DataFrame(rows)).tolist()


GOOD = {"size": 1.0, "kind": "a"}
UNKNOWN = {"size": 1.0, "kind": "c"}
GAP = {"size": None, "kind": "a"}


@pytest.mark.parametrize(
    ("kind", "rows", "row", "field"),
    [
        (Kinds, [UNKNOWN], 0, "kind"),
        (Kinds, [GAP], 0, ""),
        (Kinds, [GOOD, GOOD, GOOD, GAP, UNKNOWN, GOOD], 3, ""),
        (Kinds, [GOOD, UNKNOWN, GOOD], 1, "kind"),
        (Own, [UNKNOWN], 0, ""),
        (Own, [GOOD, UNKNOWN], None, ""),
    ],
)
def test_a_refusal_tells_the_caller_the_row_and_the_field(pipeline, kind, rows, row, field):
    """It is answered with 400; code of the model's own may have changed rows and columns before."""
    fields = (Field(name="size", kind="number", optional=True), Field(name="kind", kind="string"))
    model = kind()
    model.fitted = pipeline
    schema = Schema(fields=fields, target=Field(name="y", kind="integer"))
    loaded = Loaded(model, schema, golden=None, manifest=MANIFEST)

    with pytest.raises(InputError) as refused:
        loaded.answer(rows)

    assert (refused.value.row, refused.value.field) == (row, field)
