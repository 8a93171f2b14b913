"""Predictions as tensors: their form is decided once, for every request."""

import math
import struct
from typing import Any

import pytest

from slipway.artifacts import PredictionError
from slipway.schema import Field
from slipway.serving.answers import Refusal
from slipway.serving.grpc.messages import fill, message, read
from slipway.serving.oip import inference, tensors
from slipway.serving.oip.inference import choose, outputs_of, tensors_of

PRICE = Field(name="price", kind="number")


def told(golden: list[Any], predictions: list[Any], target: Field = PRICE) -> list[tuple[Any, ...]]:
    """Return name, datatype, shape and values of each output, which agree with its metadata."""
    outputs = outputs_of(target, golden)
    found = tensors_of(choose(outputs, []), target, predictions)
    assert [(each.name, each.datatype, each.shape[1:]) for each in found] == [
        (each.name, each.datatype, each.describe().shape[1:]) for each in outputs.values()
    ]
    return [(*each[:3], list(each.values)) for each in found]


@pytest.mark.parametrize(
    ("golden", "expected"),
    [
        ([1, 2.5], [("price", "FP64", (2,), [1.0, 2.5])]),
        (["a", "b"], [("price", "BYTES", (2,), ["a", "b"])]),
        ([True], [("price", "BOOL", (1,), [True])]),
        ([None, 2.0], [("price", "FP64", (2,), [None, 2.0])]),
        (
            [{"price": 1.0, "range": [0, 2], "by": {"a": 0.25}}],
            [("price", "FP64", (1,), [1.0]), ("range", "FP64", (1, 2), [0.0, 2.0]), ("by.a", "FP64", (1,), [0.25])],
        ),
        (
            [{"price": 1.0}, {"price": 2.0, "why": "x"}],
            [("price", "FP64", (2,), [1.0, 2.0]), ("why", "BYTES", (2,), [None, "x"])],
        ),
        ([{"price": 1.0, "parts": [["a"]]}], [("price", "FP64", (1,), [1.0]), ("parts", "BYTES", (1,), ['[["a"]]'])]),
        ([{"why": "x"}, {"why": 1}], [("why", "BYTES", (2,), ['"x"', "1"])]),
        ([{"sure": True}, {"sure": None}], [("sure", "BYTES", (2,), ["true", "null"])]),
        ([{"near": [1, 2]}, {"near": [1]}], [("near", "BYTES", (2,), ["[1,2]", "[1]"])]),
        ([{"by": {"a": 1}}, {"by": None}], [("by.a", "FP64", (2,), [1.0, None])]),
        ([{"by": {"a": 1}}, {"by": "b"}], [("by", "BYTES", (2,), ['{"a":1}', '"b"'])]),
    ],
)
def test_outputs_have_the_form_of_the_golden_predictions(golden: list[Any], expected: list[tuple[Any, ...]]) -> None:
    """The target has its name, other values have their keys, and values without a datatype are JSON."""
    assert told(golden, golden) == expected


@pytest.mark.parametrize("golden", [["a", "b"], [True, False], [1.5, 2.0]])
def test_values_that_need_no_look_are_answered_alike(golden: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of an output's own type are answered as they are; with a closer look each is the same."""
    quick = told(golden, golden)
    monkeypatch.setattr(inference, "_SURE", {})
    assert told(golden, golden) == quick


@pytest.mark.parametrize(
    ("golden", "alone", "expected"),
    [
        ([{"why": "wet"}, {"why": None}], {"why": "wet"}, ("BYTES", (1,), ["wet"])),
        ([{"why": "wet"}], {"why": None}, ("BYTES", (1,), [None])),
        ([{"why": "wet"}], {}, ("BYTES", (1,), [None])),
        ([{"why": "wet"}, {"why": 1}], {"why": "wet"}, ("BYTES", (1,), ['"wet"'])),
        ([{"sure": 0.5}], {"sure": None}, ("FP64", (1,), [None])),
        ([{"near": [1, 2]}, {"near": [1]}], {"near": [1, 2]}, ("BYTES", (1,), ["[1,2]"])),
        ([{"range": [1, 2]}], {"range": None}, ("FP64", (1, 2), [None, None])),
        ([{"by": {"a": 1}}], {"by": {"b": 1}}, ("FP64", (1,), [None])),
        ([{"parts": []}], {"parts": {"a": 1}}, ("BYTES", (1,), ['{"a":1}'])),
        ([{"sure": 1}], {"sure": 1, "more": 2}, ("FP64", (1,), [1.0])),
    ],
)
def test_an_output_is_independent_of_other_rows(golden: list[Any], alone: Any, expected: tuple[Any, ...]) -> None:
    """Datatype, width and text stay the same for any other rows of a request."""
    [(_, *found)] = told(golden, [alone])
    assert tuple(found) == expected


@pytest.mark.parametrize(
    ("target", "golden", "datatype"),
    [
        (Field(name="rings", kind="integer"), [1, 2], "INT64"),
        (Field(name="rings", kind="integer"), [], "INT64"),
        (Field(name="rings", kind="integer", optional=True), [1, 2], "FP64"),
        (Field(name="rings", kind="integer"), [1.5, 2], "FP64"),
        (Field(name="ill", kind="boolean"), [], "BOOL"),
        (Field(name="ill", kind="boolean", optional=True), [True], "BYTES"),
        (Field(name="kind", kind="string", optional=True), [None], "BYTES"),
        (Field(name="price", kind="number", optional=True), [None], "FP64"),
    ],
)
def test_the_target_has_the_datatype_of_its_field(target: Field, golden: list[Any], datatype: str) -> None:
    """Optional integers and booleans get a datatype that has a missing value."""
    assert [each.datatype for each in outputs_of(target, golden).values()] == [datatype]


@pytest.mark.parametrize("empty", [[1.0], [{"price": 1.0, "range": [0, 2]}]])
def test_no_rows_give_empty_outputs(empty: list[Any]) -> None:
    """The outputs agree with their metadata."""
    assert [(shape[0], values) for _, _, shape, values in told(empty, [])] == [(0, [])] * (2 if empty != [1.0] else 1)


@pytest.mark.parametrize(
    ("golden", "prediction"),
    [
        ([{"why": "wet"}], {"why": 1}),
        ([{"sure": True}], {"sure": None}),
        ([{"sure": 1.0}], {"sure": "much"}),
        ([{"range": [1, 2]}], {"range": [1, 2, 3]}),
        ([{"range": [1, 2]}], {"range": [1, "2"]}),
    ],
)
def test_predictions_that_do_not_fit_are_failures(golden: list[Any], prediction: Any) -> None:
    """A prediction of another datatype fails, so that no caller gets it."""
    with pytest.raises(PredictionError, match=r"row 1: predict returned \w+ for \w+, which does not fit"):
        told(golden, [golden[0], prediction])


def test_outputs_can_be_chosen() -> None:
    """They come in the requested order, each once."""
    outputs = outputs_of(PRICE, [{"price": 1.0, "why": "wet"}])
    assert [each.name for each in choose(outputs, ["why", "price"])] == ["why", "price"]
    for wanted, told in (
        (["prize"], "no output 'prize'; did you mean 'price'?"),
        (["why"] * 2, "'why' is asked for twice"),
    ):
        with pytest.raises(Refusal) as caught:
            choose(outputs, wanted)
        assert told in caught.value.message


def test_missing_values_as_bytes_and_over_grpc() -> None:
    """A missing number is NaN and a missing text `null`, in either form."""
    outputs = outputs_of(PRICE, [{"price": 1.0, "why": "wet"}])
    price, why = tensors_of(choose(outputs, []), PRICE, [{"price": None, "why": None}])
    assert math.isnan(struct.unpack("<d", tensors.encode(price.datatype, price.values))[0])
    assert tensors.decode("why", "BYTES", tensors.encode(why.datatype, why.values)) == ["null"]
    made = message("ModelInferResponse")()
    fill(made.outputs, [price, why])
    [number, text] = read(made.outputs, [])
    assert math.isnan(number.values[0]) and text.values == ["null"]
