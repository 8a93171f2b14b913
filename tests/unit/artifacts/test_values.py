import math

import numpy as np
import pytest

from slipway.artifacts import values as plain
from slipway.errors import SlipwayError

VALUES = [
    None,
    True,
    0,
    -1,
    2**80,
    0.1,
    -0.0,
    1e300,
    "",
    "näïve\n\u2028\ud800",
    [],
    [1, [2.0, "3"]],
    (),
    ("a", (1, 2)),
    {},
    {"a": 1, "b": {"c": [None]}},
    {0: "setosa", 1: "versicolor"},
    {(0, 1): 1.5, None: 2, True: 3},
    {1.0: "one", "1.0": "text"},
    {"$tuple": [1]},
    {"$dict": []},
    [{"limits": {"x": (0.5, 1.5)}}],
]


@pytest.mark.parametrize("value", VALUES)
def test_a_plain_value_comes_back_as_it_was(value):
    """Types are kept at every depth: a tuple stays a tuple, and the key 0 a number."""
    assert repr(plain.decode(plain.encode(value, "it"))) == repr(value)


@pytest.mark.parametrize("value", [{"a", "b", "c"}, frozenset({1, 2}), set(), {(1, "a")}])
def test_a_set_comes_back_as_one(value):
    """Sets stay sets, and frozen sets stay frozen."""
    found = plain.decode(plain.encode(value, "it"))

    assert (found, type(found)) == (value, type(value))


def test_the_order_of_a_dict_is_kept():
    """A model may depend on the order of its keys."""
    assert list(plain.decode(plain.encode({"b": 1, "a": 2}, "it"))) == ["b", "a"]


def test_a_set_gives_the_same_bytes_whatever_its_order():
    """The order of a set of text differs between processes."""
    assert plain.encode({"b", "a", "c"}, "it") == b'{"$set":["a","b","c"]}'


@pytest.mark.parametrize(
    ("value", "expected"),
    [(np.float64(1.5), 1.5), (np.int32(3), 3), (np.bool_(True), True), (np.str_("a"), "a"), ([np.float32(0.5)], [0.5])],
)
def test_a_numpy_scalar_becomes_pythons_own(value, expected):
    """Loading it needs no numpy."""
    found = plain.decode(plain.encode(value, "it"))

    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize("value", [math.nan, [math.inf], {"a": (-math.inf,)}, np.float64("nan")])
def test_a_number_that_is_not_finite_is_refused(value):
    """JSON has no form for it."""
    with pytest.raises(SlipwayError, match=r"Iris\.medians.* is -?(nan|inf), which JSON cannot hold"):
        plain.encode(value, "Iris.medians")


@pytest.mark.parametrize("value", [object(), [b"bytes"], {"a": 1j}, {"a": np.zeros(2)}])
def test_other_types_are_not_plain(value):
    """They are saved in another form."""
    with pytest.raises(plain.NotPlainError):
        plain.encode(value, "it")


def test_a_value_that_holds_itself_is_refused():
    """The message says that the value holds itself."""
    value = []
    value.append(value)

    with pytest.raises(SlipwayError, match="it holds itself"):
        plain.encode(value, "it")
