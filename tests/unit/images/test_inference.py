"""Rows as the protocol's tensors, and its tensors as predictions."""

import pytest

from slipway.images import contract
from slipway.schema import Field, Schema

SCHEMA = Schema(
    fields=(
        Field(name="length", kind="number"),
        Field(name="count", kind="integer"),
        Field(name="ripe", kind="boolean"),
        Field(name="colour", kind="string", optional=True),
    ),
    target=Field(name="kind", kind="string"),
)


def output(name, shape, data):
    return {"name": name, "shape": shape, "datatype": "FP64", "data": data}


def test_each_field_is_a_tensor_of_its_name():
    """What is missing is null."""
    rows = SCHEMA.parse(
        [{"length": 1, "count": 2, "ripe": True, "colour": "red"}, {"length": 3, "count": 4, "ripe": 0 > 1}]
    )
    assert contract.request(rows, contract.datatypes(SCHEMA)) == {
        "inputs": [
            {"name": "length", "shape": [2], "datatype": "FP64", "data": [1.0, 3.0]},
            {"name": "count", "shape": [2], "datatype": "INT64", "data": [2, 4]},
            {"name": "ripe", "shape": [2], "datatype": "BOOL", "data": [True, False]},
            {"name": "colour", "shape": [2], "datatype": "BYTES", "data": ["red", None]},
        ]
    }


@pytest.mark.parametrize(
    ("outputs", "expected"),
    [
        ([output("kind", [2], ["a", "b"])], ["a", "b"]),
        ([output("whatever", [2, 1], [["a"], ["b"]])], ["a", "b"]),
        ([output("kind", [2, 2], [1, 2, 3, 4])], [[1, 2], [3, 4]]),
        (
            [output("kind", [2], ["a", "b"]), output("score", [2], [0.1, 0.2])],
            [{"kind": "a", "score": 0.1}, {"kind": "b", "score": 0.2}],
        ),
    ],
)
def test_outputs_become_a_prediction_a_row(outputs, expected):
    """The only one is the prediction, whatever its name; of several, each is named."""
    assert contract.predictions({"outputs": outputs}, "kind", 2) == expected


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (None, "no list of outputs"),
        ({"outputs": []}, "no list of outputs"),
        ({"outputs": [output("kind", [3], ["a", "b", "c"])]}, "3 values, the shape"),
        ({"outputs": [output("kind", [], ["a", "b"])]}, "the output 'kind' has 2 values"),
        (
            {"outputs": [output("a", [2], [1, 2]), output("b", [2], [1, 2])]},
            "none of the outputs .a, b. is named 'kind'",
        ),
    ],
)
def test_what_is_no_answer_is_refused(answer, says):
    """With what of it is not as the protocol has it."""
    with pytest.raises(ValueError, match=says):
        contract.predictions(answer, "kind", 2)
