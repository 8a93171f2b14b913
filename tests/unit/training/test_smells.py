"""Signs that metrics on the held-out rows are too good."""

import numpy as np
import pandas as pd
import pytest

from slipway.model import Model
from slipway.models.splits import choose
from slipway.settings.types import SplitSettings
from slipway.training.smells import smells

DRAWN = np.random.default_rng(0)
DATA = pd.DataFrame({"size": DRAWN.random(200), "colour": list("abcde") * 40, "kind": list("xy") * 100})
DAYS = pd.date_range("2026-01-01", periods=200, freq="h").astype(str)


def told(data, wanted=None):
    features = [name for name in ("size", "colour") if name in data]
    split, out = choose(data, [*features, "kind"], 0.2, wanted, Model())
    return list(smells(data, features, ["kind"], split, out))


def test_ordinary_rows_smell_of_nothing():
    """A feature with few values is no group."""
    assert told(DATA) == []
    assert told(DATA.assign(row_id=range(200), list=[[1]] * 200)) == []


@pytest.mark.parametrize("name", ["patient", "customer_id", "deviceId", "batch"])
def test_a_column_that_groups_rows(name):
    """Rows of one group would be on both sides."""
    data = DATA.assign(**{name: DRAWN.permutation(np.arange(200) // 8)})
    (said,) = told(data)
    assert f"{name} has 25 values in 200 rows" in said
    assert f"`split: {{group: {name}}}`" in said
    assert told(data, SplitSettings(group=name)) == []


@pytest.mark.parametrize(("name", "values"), [("when", DAYS), ("at", DAYS), ("year", range(1800, 2000))])
def test_rows_in_the_order_of_time(name, values):
    """The future would train."""
    data = DATA.assign(**{name: values})
    (said,) = told(data)
    assert f"rows are in the order of {name}, and held out by a hash of each row" in said
    assert told(data, SplitSettings(time=name)) == []
    assert told(data.sample(frac=1, random_state=1)) == []


def test_rising_numbers_are_no_times():
    """Their name has to tell of time."""
    assert told(DATA.assign(size=sorted(DATA["size"]))) == []


def test_rows_with_the_features_of_others():
    """Their answers may be known by heart."""
    (said,) = told(DATA.drop(columns="size"))
    assert "held-out rows have the features of a row that trains" in said
