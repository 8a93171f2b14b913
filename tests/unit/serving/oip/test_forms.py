"""Predictions of `/predict` have the types that the Open Inference Protocol tells of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from slipway.artifacts import PredictionError
from slipway.images import running
from slipway.schema import Field
from slipway.serving.oip.forms import Form
from slipway.serving.oip.inference import outputs_of, tensors_of
from tests.unit.serving import tiny
from tests.unit.serving.conftest import Server
from tests.waiting import until

NUMBER, WHOLE = Field(name="price", kind="number"), Field(name="price", kind="integer")
TEXT, TRUTH = Field(name="price", kind="string"), Field(name="price", kind="boolean")
ANY = Field(name="price", kind="any")
NESTED = {"price": 1.5, "by": {"a": 0.5, "b": 0.5}, "list": [1.0, 2.0]}

VALUES: list[Any] = [None, 1, 1.5, 2.0, -(2**63), 2**63, 2**70, 1e300, True, "x", "1", [], [1.0, 2.0], [1.0], [1, None]]
VALUES += [["x", 1.0], {}, {"price": 1.5}, {"price": "x"}, {"price": None}, {"price": True}, {"price": 3}]
VALUES += [NESTED, {**NESTED, "by": {"a": 0.5}}, {**NESTED, "by": None}, {**NESTED, "more": "x"}]
VALUES += [{**NESTED, "list": [1.0]}, {**NESTED, "by": {"a": "x", "b": 0.5}}, {**NESTED, "list": None}]


@pytest.mark.parametrize(
    ("target", "golden"),
    [
        (NUMBER, [1.5]),
        (NUMBER, [1, None]),
        (WHOLE, [1]),
        (WHOLE, [None]),
        (TEXT, ["x"]),
        (TRUTH, [True]),
        (TRUTH, [True, None]),
        (ANY, [[1.0, 2.0]]),
        (ANY, [[1.0], [1.0, 2.0]]),
        (ANY, []),
        (NUMBER, []),
        (NUMBER, ["x"]),
        (NUMBER, [{"price": 1.5}]),
        (NUMBER, [NESTED]),
        (NUMBER, [NESTED, {**NESTED, "by": None}]),
    ],
)
def test_both_protocols_take_the_same_predictions(target: Field, golden: list[Any]) -> None:
    """What one refuses the other one does, too."""
    outputs = list(outputs_of(target, golden).values())
    for value in VALUES:
        assert refused(lambda: Form(target, golden).check([value])) == refused(  # noqa: B023 - it is called here
            lambda: tensors_of(outputs, target, [value])  # noqa: B023
        ), value


def refused(call: Any) -> bool:
    try:
        call()
    except PredictionError:
        return True
    return False


def test_a_prediction_of_another_type_is_a_failure(tmp_path: Path) -> None:
    """It is a 500, the log says what does not fit, and the next request is answered."""
    code = tiny.CODE.replace("return prices", 'return ["x" if price == 9 else price for price in prices]')
    log: list[str] = []
    with running.start(tiny.bundled(tmp_path, code=code).folder, echo=log.append) as function:
        server = Server(function.url, log)
        for weight, status in ((12, 500), (2, 200)):
            row = json.dumps({"weight": weight, "wrapping": "box"}).encode()
            assert server.ask("POST", "/predict", row, x_request_id=f"typed-{weight}").status == status
        until(lambda: len(server.logged("typed-12")) == 2)
        [failure, _] = server.logged("typed-12")
        assert "PredictionError: row 0: predict returned" in failure["traceback"]
