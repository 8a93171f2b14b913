"""Series, DataFrames and indexes come back as they were, and nothing of them is executed."""

import json

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal, assert_index_equal, assert_series_equal

from slipway.artifacts import pandas_values
from slipway.errors import SlipwayError

TABLE = pd.DataFrame(
    {
        "number": [1.5, np.nan, -0.0, np.inf],
        "whole": [1, 2**62 + 1, 3, 4],
        "yes": [True, False, True, True],
        "text": ["a", None, "ü", ""],
        "mixed": pd.Series(["a", None, 1.5, np.nan], dtype=object),
        "when": pd.to_datetime(["2026-01-01", None, "2026-01-03T04:05:06.789", "1900-01-01"], format="ISO8601"),
        "gap": pd.array([1, None, 3, 4], dtype="Int64"),
        "kind": pd.Categorical(["x", None, "y", "x"], categories=["y", "x"], ordered=True),
    },
    index=pd.Index(["a", "b", "c", "d"], name="row"),
)


@pytest.mark.parametrize(
    "value",
    [
        pd.Index(["length", "width"]),
        pd.RangeIndex(1, 9, 2, name="r"),
        pd.Index([1.5, 2.5], dtype="float32"),
        pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["x", None]),
        pd.DatetimeIndex(["2026-01-01", "2026-01-03"]),
        pd.CategoricalIndex(["a", "b", "a"]),
        TABLE.columns,
    ],
)
def test_an_index_comes_back(value, again):
    """Its type, names and values are the same."""
    assert_index_equal(again(value), value, exact=True)


@pytest.mark.parametrize("name", TABLE.columns)
def test_a_series_comes_back(name, again):
    """Each type of values is kept exactly; missing ones stay missing."""
    assert_series_equal(again(TABLE[name]), TABLE[name], check_exact=True)


@pytest.mark.parametrize(
    "value",
    [
        TABLE,
        TABLE.iloc[:0],
        TABLE[[]],
        TABLE[["number", "whole"]].T,
        pd.concat([TABLE["number"], TABLE["number"]], axis=1),
    ],
    ids=["full", "no rows", "no columns", "turned", "names twice"],
)
def test_a_table_comes_back(value, again):
    """Also without rows, without columns, and with a name that is there twice."""
    assert_frame_equal(again(value), value, check_exact=True)


def test_it_may_lie_in_collections(again):
    """Keys, arrays and plain values beside it are kept."""
    value = {"means": TABLE["number"], 3: [TABLE, (np.arange(3.0), None, "a", float("nan"))]}
    found = again(value)
    assert list(found) == ["means", 3]
    assert_frame_equal(found[3][0], TABLE)
    assert found[3][1][1:3] == (None, "a")
    assert found[3][1][0].tolist() == [0.0, 1.0, 2.0]


@pytest.mark.parametrize(
    "value",
    [
        pd.Series([object()]),
        pd.Series(pd.period_range("2026-01", periods=2, freq="M")),
        pd.Series(pd.to_datetime(["2026-01-01"], utc=True)),
        {"table": TABLE, "other": object()},
    ],
)
def test_what_would_not_come_back_is_refused(value):
    """The message names the attribute, and what to keep."""
    with pytest.raises(SlipwayError, match=r"Model\.value") as caught:
        pandas_values.encode(value, "Model.value")
    assert "keep" in caught.value.fix


@pytest.mark.parametrize(
    "content", ['{"$frame": 1}', '{"$unknown": 1}', "3", '{"$series": {"dtype": "O", "bytes": ""}}']
)
def test_other_content_is_no_value(content):
    """It is refused as unreadable."""
    with pytest.raises(ValueError, match=r"values of pandas|not"):
        pandas_values.decode(json.dumps(json.loads(content)).encode())
