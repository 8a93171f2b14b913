"""The schema after the fit: what the pipeline takes is taken, and what it refuses is refused."""

import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from slipway.schema import Field, Schema
from slipway.training import domains

DATA = pd.DataFrame({"code": [1.0, 2.0, 3.0] * 10, "colour": ["red", "green", "blue"] * 10, "y": range(30)})
SCHEMA = Schema(
    fields=(
        Field(name="code", kind="number"),
        Field(name="colour", kind="string", categories=("blue", "grey", "green", "red")),
    ),
    target=Field(name="y", kind="number"),
)
STRICT, LOOSE = OneHotEncoder(), OneHotEncoder(handle_unknown="ignore")
RARE = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=2)
CODED = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
FILLED = make_pipeline(SimpleImputer(strategy="most_frequent"), STRICT)
LEARNED = ("blue", "grey", "green", "red")
SEEN = ("blue", "green", "red")


def _settled(estimator, declared=frozenset()):
    fitted = estimator.fit(DATA[["code", "colour"]], DATA["y"])
    return domains.settle(SCHEMA, fitted, declared)


@pytest.mark.parametrize(
    ("encoder", "categories"),
    [
        ((LOOSE, ["colour"]), ()),
        ((RARE, ["colour"]), ()),
        ((CODED, ["colour"]), ()),
        ((TfidfVectorizer(), "colour"), ()),
        ((STRICT, ["colour"]), SEEN),
        ((FILLED, ["colour"]), SEEN),
        ((FeatureUnion([("a", LOOSE), ("b", STRICT)]), ["colour"]), SEEN),
        ((STRICT, [1]), SEEN),
        ((STRICT, slice("colour", "colour")), SEEN),
        ((STRICT, [False, True]), SEEN),
    ],
)
def test_an_encoder_decides_whether_unseen_categories_are_refused(encoder, categories):
    """A learned category refuses nothing that the encoder takes."""
    schema, told = _settled(make_pipeline(make_column_transformer(encoder), Ridge()))
    assert schema.fields[1].categories == categories
    assert told == ([f"colour is one of {len(categories)} values"] if categories else ["colour may be any text"])


@pytest.mark.parametrize("search", [False, True])
def test_numbers_that_are_codes_are_held_to_the_known_ones(search):
    """2.5 is no code, and the encoder refuses it."""
    made = make_pipeline(make_column_transformer((STRICT, ["code"])), Ridge())
    found, _ = _settled(GridSearchCV(made, {"ridge__alpha": [1.0]}, cv=2) if search else made)
    assert found.fields[0].categories == (1.0, 2.0, 3.0)
    with pytest.raises(ValueError, match="unknown category"):
        found.fields[0].parse(2.5)


def test_a_declared_category_is_never_widened():
    """Whoever wrote the types means them."""
    made = make_pipeline(make_column_transformer((LOOSE, ["colour"])), Ridge())
    assert _settled(made, frozenset({"colour"})) == (SCHEMA, [])


def test_a_use_that_is_not_known_changes_nothing():
    """A transformer of one's own may refuse what another takes."""

    class Own(OneHotEncoder):
        pass

    made = make_pipeline(make_column_transformer((Own(), ["colour"]), (LOOSE, ["colour"])), Ridge())
    assert _settled(made)[0].fields[1].categories == LEARNED


def test_trees_hold_numbers_to_those_of_float32():
    """Scikit-learn refuses larger ones there; after a scaler they are no longer the caller's numbers."""
    direct = make_pipeline(make_column_transformer(("passthrough", ["code"])), RandomForestRegressor(2))
    scaled = make_pipeline(make_column_transformer((StandardScaler(), ["code"])), RandomForestRegressor(2))
    assert _settled(direct)[0].fields[0].maximum == pytest.approx(3.4e38, rel=0.01)
    assert _settled(scaled)[0].fields[0].maximum is None
