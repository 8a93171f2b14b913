"""The use of an estimator is noted while a model predicts."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from slipway.artifacts.onnx.builder import Unconvertible
from slipway.artifacts.onnx.conversion import convert
from slipway.artifacts.onnx.watching import Watched


@pytest.fixture
def watched():
    return Watched(LinearRegression().fit([[0.0], [1.0]], [0.0, 2.0]))


def test_it_predicts_as_the_estimator_does_and_notes_what_it_got(watched):
    """Methods, what they were given, and the attributes that were read."""
    assert watched.predict([[2.0]]).tolist() == pytest.approx([4.0])
    assert watched.coef_.tolist() == pytest.approx([2.0])

    assert (watched.used_, watched.inputs_, set(watched.read_)) == ({"predict"}, [[[2.0]]], {"coef_"})


def test_what_was_read_is_there_in_the_graph(watched):
    """Arrays with their type, and plain values."""
    watched.predict([[2.0]])
    known = watched.coef_, watched.rank_

    graph = convert(watched).graph

    assert np.array_equal(graph.coef_, known[0])
    assert graph.rank_ == known[1]


def test_other_methods_are_beyond_a_graph(watched):
    """They are named in the reason."""
    watched.predict([[2.0]])
    watched.score([[2.0]], [4.0])

    with pytest.raises(Unconvertible, match="predict uses its score, which a graph has not"):
        convert(watched)


def test_what_fails_is_no_use_of_it(watched):
    """A row that scikit-learn cannot take says nothing about what a graph has to."""
    with pytest.raises(ValueError, match="Expected 2D array"):
        watched.predict([2.0])

    assert (watched.used_, watched.inputs_) == (set(), [])
