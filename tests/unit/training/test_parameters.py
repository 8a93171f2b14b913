"""Parameters may be None and lists, from the class, the settings and the command line."""

from typing import ClassVar

import pytest

from slipway.errors import SlipwayError
from slipway.model import Contract, ContractError, Model
from slipway.training.inputs import typed
from slipway.training.service import runs


class Tuned(Model):
    parameters: ClassVar = {"depth": None, "layers": [100, 50], "rates": [0.1, 1.0], "steps": 3, "solver": "lbfgs"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"depth": "5"}, 5),
        ({"depth": "0.5"}, 0.5),
        ({"depth": "auto"}, "auto"),
        ({"depth": "null"}, None),
        ({"depth": '"5"'}, "5"),
        ({"depth": "[1, null]"}, [1, None]),
        ({"depth": "NaN"}, "NaN"),
        ({"layers": "[10]"}, [10]),
        ({"rates": "[1, 2.5]"}, [1.0, 2.5]),
        ({"steps": "null"}, None),
        ({"solver": "null"}, "null"),
    ],
)
def test_texts_of_the_command_line_are_read(given, expected):
    """JSON where the default is None or a list; a second reading changes nothing."""
    found = typed(given, Tuned, "tuned", texts=True)
    (value,) = found.values()
    assert (value, type(value)) == (expected, type(expected))
    assert typed(found, Tuned, "tuned") == found


@pytest.mark.parametrize("given", [{"depth": "5"}, {"depth": None}, {"steps": None}, {"layers": None}, {"depth": [1]}])
def test_values_of_the_settings_stay(given):
    """A text in quotes is a text, and any parameter may be None."""
    assert typed(given, Tuned, "tuned") == given


@pytest.mark.parametrize("given", [{"layers": "10"}, {"layers": 10}, {"steps": [1]}, {"steps": "1.5"}])
def test_a_value_of_another_type_is_refused(given):
    """A list is no number, and no number is a list."""
    with pytest.raises(SlipwayError, match="is not of type"):
        typed(given, Tuned, "tuned", texts=True)


def test_an_object_has_lists_of_its_own():
    """A change of them does not reach the class."""
    Tuned().parameters["layers"].append(1)
    assert Tuned().parameters["layers"] == [100, 50]


@pytest.mark.parametrize("value", [(1, 2), {"a": 1}, [float("inf")], [[object()]]])
def test_a_default_that_no_record_keeps_is_refused(value):
    """The message says what to give."""
    kind = type(
        "Odd",
        (Model,),
        {
            "source_features": ["a"],
            "target_variable": "b",
            "parameters": {"odd": value},
            "train": lambda *_: None,
            "predict": lambda *_: [],
        },
    )
    with pytest.raises(ContractError, match="or a list of them"):
        Contract.of(kind)


def test_a_request_to_the_training_service_may_have_them():
    """They reach the command line as it reads them."""
    known = Tuned.parameters
    start = runs.read(b'{"parameters": {"depth": null, "layers": [1, 2], "steps": 4}}', known)
    assert start.parameters == {"depth": None, "layers": [1, 2], "steps": 4}
    assert runs._words(start.parameters) == "depth=null 'layers=[1, 2]' steps=4"
    for wrong in (
        b'{"layers": [{}]}',
        b'{"layers": ["{{x}}"]}',
        b'{"depth": "5"}',
        b'{"solver": null}',
        b'{"steps": [1]}',
    ):
        with pytest.raises(runs.Refusal):
            runs.read(b'{"parameters": %s}' % wrong, known)
