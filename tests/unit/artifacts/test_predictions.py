import math
from collections import namedtuple
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from slipway.artifacts import values
from slipway.artifacts.values import PredictionError, to_json
from slipway.schema import Field
from tests.unit.artifacts.zoo import Colour

NUMBER = Field(name="y", kind="number")
ANY = Field(name="y", kind="any")
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
        ([Colour.RED, "green"], ["red", "green"]),
        ([Colour.RED, Colour.RED], ["red", "red"]),
        (np.array([True, False]), [True, False]),
        (np.array([0.5, 1.0], "float32"), [0.5, 1.0]),
        (np.array([[0.5], [1.0]]), [[0.5], [1.0]]),
        (
            [{"y": 1.5, "p": {"a": 0.5}}, {"y": 2.5, "p": {"a": None}}],
            [{"y": 1.5, "p": {"a": 0.5}}, {"y": 2.5, "p": {"a": None}}],
        ),
        ([{"y": 1.5}, {"y": 2.5, "p": np.float64(1)}], [{"y": 1.5}, {"y": 2.5, "p": 1.0}]),
        ([{"y": 1.5}, {"y": np.int64(2)}], [{"y": 1.5}, {"y": 2}]),
        ([[1.5, None], [np.float64(2.5)]], [[1.5, None], [2.5]]),
        ([[], []], [[], []]),
    ],
)
def test_predictions_become_json(predictions, answers):
    """A model may return enums, dataclasses, and types of numpy and pandas."""
    found = to_json(predictions, len(answers), ANY)

    assert found == answers
    assert all(type(one) is type(other) for one, other in zip(found, answers, strict=True))


@pytest.mark.parametrize(
    ("predictions", "problem"),
    [
        ([1.0, math.nan], "row 1: predict returned nan, which is no finite number"),
        ([1.0, {"p": [math.inf]}], "row 1, p, [0]: predict returned inf"),
        ([1.0], "predict returned 1 predictions for 2 rows"),
        ([1, 2, 3], "predict returned 3 predictions for 2 rows"),
        ([1, timedelta(1)], "row 1: predict returned a value of the type datetime.timedelta, which JSON cannot hold"),
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


TARGETS = (
    *(NUMBER, CLASS, Field(name="y", kind="integer"), Field(name="y", kind="boolean", categories=(False, True))),
    *(Field(name="y", kind="integer", categories=(0, 1)), Field(name="y", kind="number", categories=(0.5, 1.0))),
    *(Field(name="y", kind="any"), Field(name="y", kind="array"), Field(name="y", kind="string", optional=True)),
    Field(name="y", kind="object", parts=(Field(name="a", kind="number"), Field(name="b", kind="string"))),
)
VALUES = (
    *(0, 1, 2, True, False, 0.0, 0.5, 1.0, -0.0, math.nan, math.inf, "red", "blue", "", None, 10**30),
    *([], [0.5], [0.5, math.nan], ["a"], [[1]], {}, {"y": "red"}, {"y": 1}, {"y": True}, {"y": math.nan}, {"x": 0.5}),
    *({"y": "red", "p": {"a": 0.5}}, {"y": "red", "p": {"a": math.inf}}, {1: 2}, {"a": 1.0, "b": "x"}, {"a": 1.0}),
    *(Colour.RED, np.float64(0.5), np.int64(1), np.bool_(True), np.array([0.5]), Guess(Colour.RED, np.float64(1))),
    *((1, 2), Pair(1, 2), date(2026, 1, 1)),
)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target.kind}{target.categories}")
def test_predictions_are_checked_by_column_as_one_by_one(target, monkeypatch):
    """Each value stands alone, beside itself, and beside every other one: the answer or the error is the same."""

    def outcome(predictions):
        try:
            return repr(to_json(list(predictions), 2, target))
        except PredictionError as error:
            return str(error)

    pairs = [*((one, other) for one in VALUES for other in VALUES), *((one,) for one in VALUES)]
    by_column = [outcome(pair) for pair in pairs]
    monkeypatch.setattr(values, "_are_json", lambda _: False)
    monkeypatch.setattr(values, "_all_fit", lambda *_: False)
    assert by_column == [outcome(pair) for pair in pairs]


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


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("number", [1, 2.5], ["2.5", True, [2.5], [1, 2]]),
        ("integer", [1, 2.0], [2.5, "1", False]),
        ("boolean", [True], [1, "true"]),
        ("string", ["a", ""], [1, ["a"], True]),
        ("array", [[1, 2.5], []], [1.5, ["a"], [[1.5]], [None], [True]]),
    ],
)
def test_an_answer_is_of_the_kind_that_the_schema_promises(kind, right, wrong):
    """It may stand alone, under the target's name in a dict, or be one of several targets."""
    target = Field(name="y", kind=kind)
    several = Field(name="prediction", kind="object", parts=(target, Field(name="z", kind="any")))
    for value in right:
        assert to_json([value, {"y": value}], 2, target) == [value, {"y": value}]
    for value in wrong:
        for answer, of in ((value, target), ({"y": value, "more": 1}, target), ({"y": value, "z": 1}, several)):
            with pytest.raises(PredictionError, match=r"row 0: predict returned .* for y; .* is needed"):
                to_json([answer], 1, of)
