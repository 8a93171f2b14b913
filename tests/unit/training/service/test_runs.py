"""Requests to start a training: everything wrong is named."""

import json
from typing import Any

import pytest

from slipway.serving.answers import Refusal
from slipway.training.service.runs import Start, read
from tests.unit.training.service.conftest import PARAMETERS


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([], "the body is no JSON object"),
        ({"parameter": {}}, "unknown key 'parameter'; did you mean 'parameters'?"),
        ({"parameters": []}, ""),
        ({"parameters": [1]}, "parameters: an object of names and values is needed"),
        ({"parameters": {"solvr": "x"}}, "unknown parameter 'solvr'; did you mean 'solver'?"),
        ({"parameters": {"c": "1"}}, "parameter c: a number is needed, not '1'"),
        ({"parameters": {"c": True}}, "parameter c: a number is needed, not True"),
        ({"parameters": {"steps": 1.5}}, "parameter steps: a whole number is needed, not 1.5"),
        ({"parameters": {"steps": True}}, "parameter steps: a whole number is needed, not True"),
        ({"parameters": {"steps": 2**63}}, "parameter steps: too large for an integer of 64 bits"),
        ({"parameters": {"c": 10**400}}, "parameter c: too large for an integer of 64 bits"),
        ({"parameters": {"fast": 1}}, "parameter fast: true or false is needed, not 1"),
        ({"parameters": {"solver": None}}, "parameter solver: text is needed, not None"),
        ({"parameters": {"solver": "{{=1}}"}}, "parameter solver: two braces are not taken"),
        ({"parameters": {"solver": "a\nb"}}, "parameter solver: no line breaks"),
        ({"parameters": {"solver": "x" * 3000}}, "parameter solver: 3000 characters; 2000 is the most"),
        ({"data": 3}, "data: the address of the data is needed"),
        ({"data": ""}, "data: the address of the data is needed"),
        ({"data": "https://ada:word@host/x.csv"}, "data: holds a user or a password"),
        ({"data": "{{workflow.name}}"}, "data: two braces are not taken"),
        (
            {"parameters": {"x": 1}, "date": 1},
            "unknown key 'date'; did you mean 'data'?; unknown parameter 'x'; known:",
        ),
    ],
)
def test_wrong_keys_and_values_are_named(content: Any, says: str) -> None:
    """The message names the nearest known key or parameter."""
    if not says:
        assert read(json.dumps(content).encode(), PARAMETERS) == Start({})
        return
    with pytest.raises(Refusal) as caught:
        read(json.dumps(content).encode(), PARAMETERS)
    assert caught.value.status == 400
    assert caught.value.message.startswith(says)


@pytest.mark.parametrize("body", [b"{", b'{"data": NaN}', b'{"parameters": {"c": 1e400}}', b'{"data": 1, "data": 2}'])
def test_invalid_json_is_refused(body: bytes) -> None:
    """The rules are those of predictions."""
    with pytest.raises(Refusal) as caught:
        read(body, PARAMETERS)
    assert caught.value.status == 400


def test_parameters_of_a_model_without_any_are_refused() -> None:
    """The message says that the model has none."""
    with pytest.raises(Refusal, match="unknown parameter 'c'; the model has none"):
        read(b'{"parameters": {"c": 1}}', {})
