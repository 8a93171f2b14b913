"""An artifact is asked for predictions in a process of its own."""

import sys

import pytest

from slipway.artifacts import worker
from slipway.errors import SlipwayError


def test_an_artifact_predicts_in_another_process(with_code) -> None:
    """Its own code answers, and its folder stays as it is."""
    folder = with_code("model")
    before = sorted(folder.rglob("*"))
    assert worker.predictions(sys.executable, folder, [{"x": 2.0}, {"x": 3.0}]) == [6.0, 9.0]
    assert sorted(folder.rglob("*")) == before


def test_a_failing_model_is_an_error(with_code) -> None:
    """The message is the last line of its error."""
    with pytest.raises(SlipwayError, match="x: is missing"):
        worker.predictions(sys.executable, with_code("model"), [{}])
