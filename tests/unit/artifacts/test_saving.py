import json
import math
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from slipway.artifacts import load, save
from slipway.digests import of_bytes, walk
from slipway.errors import SlipwayError
from tests.unit.artifacts.zoo import GOLDEN, SCHEMA, Colour, Simple


def test_each_attribute_is_saved_in_the_simplest_form(saved):
    """JSON is preferred, then npy, then skops. Names that begin with `_` are left out."""
    folder = saved(
        names=["a"], weights=np.arange(3.0), fitted=LinearRegression().fit([[0], [1]], [0, 1]), _cache=object()
    )

    parts = load(folder).manifest.parts

    assert {name: part.form for name, part in parts.items()} == {"names": "json", "weights": "npy", "fitted": "skops"}
    assert sorted(walk(folder)) == [
        "artifact.json",
        "golden.json",
        "parts/fitted.skops",
        "parts/names.json",
        "parts/weights.npy",
        "schema.json",
    ]


@pytest.mark.parametrize(
    "value",
    [
        np.array([[1.5, np.nan]], order="F"),
        np.array(["a", "bc"]),
        np.array([True]),
        np.array(3),
        np.array([1, 2], dtype=">i2"),
        np.array(["2026-01-01"], dtype="datetime64[D]"),
        np.array(["a", None], dtype=object),
        {"w": np.zeros(2), "b": (np.ones(1), 3)},
    ],
)
def test_arrays_come_back_as_they_were(again, value):
    """Arrays of numbers, texts and times keep their types, also in containers."""
    found = again(value)

    assert repr(found) == repr(value)
    assert getattr(found, "dtype", None) == getattr(value, "dtype", None)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (math.nan, "Simple.value is nan"),
        ({"a": [math.inf]}, r"Simple.value\['a'\]\[0\] is inf"),
        (Colour.RED, "Simple.value is <Colour.RED: 'red'>, a tests.unit.artifacts.zoo.Colour"),
        ([Colour.RED], "an item of Simple.value is <Colour.RED"),
        ({True: np.zeros(1)}, r"Simple.value has the key True \(a bool\)"),
        (pd.Timestamp("2026-01-01"), "Simple.value .*pandas"),
        (open, "Simple.value .*open"),
        (iter([1]), "Simple.value .*list_iterator"),
    ],
)
def test_a_value_that_would_change_is_refused(saved, value, problem):
    """Saving fails with the attribute's name; nothing is saved as another type."""
    with pytest.raises(SlipwayError, match=problem):
        saved(value=value)


def test_an_ordered_dict_stays_one(again):
    """A container that JSON does not know is saved by skops."""
    assert type(again(OrderedDict(a=1))) is OrderedDict


def test_an_attribute_cannot_hide_the_contract(saved):
    """`self.metrics = …` in `train` would replace the method."""
    with pytest.raises(SlipwayError, match=r"Simple\.metrics hides what every model has"):
        saved(metrics={"accuracy": 1.0})


def test_a_class_that_cannot_be_imported_is_refused(tmp_path):
    """Classes of a notebook and of a function are refused."""

    class Local(Simple):
        pass

    with pytest.raises(SlipwayError, match="cannot be found in"):
        save(Local(), SCHEMA, GOLDEN, tmp_path / "artifact")


def test_an_odd_parameter_is_refused(tmp_path):
    """The record and the settings hold simple values only."""
    with pytest.raises(SlipwayError, match=r"Simple\.parameters\['factor'\] is nan"):
        save(Simple(factor=math.nan), SCHEMA, GOLDEN, tmp_path / "artifact")


def test_an_artifact_gets_a_folder_of_its_own(saved):
    """Files of another artifact would become part of it."""
    saved(value=1)

    with pytest.raises(SlipwayError, match="is not empty"):
        saved(value=2)


def test_code_goes_with_it(tmp_path):
    """The artifact has the code that trained it."""
    folder = tmp_path / "artifact"

    save(
        Simple(),
        SCHEMA,
        GOLDEN,
        folder,
        code={"model/iris/model.py": Path(__file__)},
    )

    assert (folder / "code/model/iris/model.py").read_bytes() == Path(__file__).read_bytes()


def test_the_same_model_gives_the_same_files(tmp_path):
    """Equal models have equal digests."""
    digests = []
    for name in ("a", "b"):
        model = Simple()
        vars(model).update({"fitted": LinearRegression().fit([[0], [1]], [0, 1]), "names": {"x", "y", "z"}})
        save(model, SCHEMA, GOLDEN, tmp_path / name)
        digests.append({file: of_bytes(path.read_bytes()) for file, path in walk(tmp_path / name).items()})

    assert digests[0] == digests[1]


def test_the_files_are_readable_for_people(saved):
    """JSON is indented and has a key on each line."""
    folder = saved(value=[1])

    assert json.loads((folder / "golden.json").read_text()) == {"rows": GOLDEN.rows, "predictions": GOLDEN.predictions}
    assert "\n  " in (folder / "schema.json").read_text()
