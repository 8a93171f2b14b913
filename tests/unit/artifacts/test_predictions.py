import math
from collections import namedtuple
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pytest

from slipway.artifacts.values import PredictionError, to_json
from slipway.schema import Field
from tests.unit.artifacts.zoo import Colour

NUMBER = Field(name="y", kind="number")
CLASS = Field(name="y", kind="string", categories=("red", "green"))


@dataclass
class Guess:
    """A prediction of two values."""

    y: Colour
    share: np.float64


Pair = namedtuple("Pair", "low high")


@pytest.mark.parametrize(
    ("predictions", "answers"),
    [
        ([1, 2.5, "a", True], [1, 2.5, "a", True]),
        ((1, 2), [1, 2]),
        (iter([1, 2]), [1, 2]),
        (np.array([1.5, 2.0]), [1.5, 2.0]),
        (np.array([[1, 2], [3, 4]]), [[1, 2], [3, 4]]),
        (np.array(["a", "b"]), ["a", "b"]),
        ([np.float32(0.5), np.int64(3)], [0.5, 3]),
        (pd.Series([1.5, 2.5], index=[7, 9]), [1.5, 2.5]),
        (pd.DataFrame({"y": [1, 2], "p": [0.1, 0.2]}), [{"y": 1, "p": 0.1}, {"y": 2, "p": 0.2}]),
        ([Colour.RED], ["red"]),
        ([Guess(Colour.RED, np.float64(0.9))], [{"y": "red", "share": 0.9}]),
        ([Pair(1, 2)], [[1, 2]]),
        ([{Colour.RED: np.array([0.5])}], [{"red": [0.5]}]),
    ],
)
def test_predictions_become_json(predictions, answers):
    """A model may return enums, dataclasses, and types of numpy and pandas."""
    found = to_json(predictions, len(answers), NUMBER)

    assert found == answers
    assert all(type(one) is type(other) for one, other in zip(found, answers, strict=True))


@pytest.mark.parametrize(
    ("predictions", "problem"),
    [
        ([1.0, math.nan], "row 1: predict returned nan, which is no finite number"),
        ([1.0, {"p": [math.inf]}], "row 1, p, [0]: predict returned inf"),
        ([1.0], "predict returned 1 predictions for 2 rows"),
        ([1, 2, 3], "predict returned 3 predictions for 2 rows"),
        ([1, date(2026, 1, 1)], "row 1: predict returned a value of the type datetime.date, which JSON cannot hold"),
        ([1, {2: 1}], "row 1: predict returned a dict with the key 2: the keys have to be text"),
        ([1, None], "row 1: predict returned None for y"),
        ([1, pd.NA], "row 1: predict returned a value of the type pandas.*NAType"),
        ("ab", "predict returned a value of the type str: it has to be a list with one prediction for each row"),
        ({"y": 1, "z": 2}, "predict returned a value of the type dict"),
        (None, "predict returned a value of the type NoneType"),
    ],
)
def test_a_result_that_is_no_prediction_is_an_error(predictions, problem):
    """The message has the row and the type."""
    with pytest.raises(PredictionError, match=problem.replace("[", r"\[")):
        to_json(predictions, 2, NUMBER)


@pytest.mark.parametrize("prediction", ["red", {"y": "green", "share": 0.7}, {"share": 0.7}])
def test_a_known_class_is_an_answer(prediction):
    """It may be the whole prediction, or stand in it under the target's name."""
    assert to_json([prediction], 1, CLASS) == [prediction]


@pytest.mark.parametrize("prediction", [1.0000001, -0.2])
def test_a_quantity_may_lie_beyond_its_range(prediction):
    """A computed value may miss the range of the data by a little."""
    assert to_json([prediction], 1, Field(name="y", kind="number", minimum=0, maximum=1)) == [prediction]


@pytest.mark.parametrize("prediction", ["blue", {"y": "blue"}, 0])
def test_an_unknown_class_is_an_error(prediction):
    """The schema promises one of the classes."""
    with pytest.raises(PredictionError, match=r"row 0: predict returned the unknown class .* for y \('red', 'green'\)"):
        to_json([prediction], 1, CLASS)
