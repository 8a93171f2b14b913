"""KServe's protocol of version 1, as its SDK speaks it by default."""

import json
from typing import Any

import pytest

from slipway.schema import Field, Schema
from slipway.serving.oip.kserve import instances
from tests.unit.serving import tiny
from tests.unit.serving.conftest import Reply, Server

PREDICT = "/v1/models/tiny:predict"


def predict(server: Server, content: Any, path: str = PREDICT) -> Reply:
    return server.ask("POST", path, json.dumps(content).encode(), Content_Type="application/json")


def test_instances_get_predictions(server: Server) -> None:
    """They come in the same order, with model id and release, and none for none."""
    answer = predict(server, {"instances": tiny.ROWS})
    assert answer.json == {"predictions": tiny.PREDICTIONS, "model_id": "tiny/test/7", "release": "v7-1a2b3c4d"}
    assert predict(server, {"signature_name": "x", "instances": []}).json["predictions"] == []


def test_readiness_and_list(server: Server) -> None:
    """A client asks for them before it predicts."""
    assert server.ask("GET", "/v1/models").json == {"models": ["tiny"]}
    assert server.ask("GET", "/v1/models/tiny").json == {"name": "tiny", "ready": True}


@pytest.mark.parametrize(
    ("status", "path", "content", "told"),
    [
        (400, PREDICT, {"instances": [{**tiny.ROWS[0], "weight": -1}]}, "row 0: weight: -1 is below the minimum 0 kg"),
        (400, PREDICT, {"instances": [[2.0, "box", True]]}, "row 0: an object is needed, not a list"),
        (400, PREDICT, {"instances": tiny.ROWS[0]}, 'no object with a list of "instances"'),
        (400, PREDICT, tiny.ROWS, 'no object with a list of "instances"'),
        (400, PREDICT, {"instances": tiny.ROWS, "inputs": []}, "there is 'inputs' beside the instances"),
        (404, "/v1/models/tinny:predict", {"instances": tiny.ROWS}, "no model 'tinny' here; there is tiny"),
        (413, PREDICT, {"instances": [{}] * 51}, "51 rows; the limit is 50"),
        (500, PREDICT, {"instances": [{**tiny.ROWS[0], "weight": 666}]}, "the function failed"),
    ],
)
def test_refusals_have_the_protocols_form(server: Server, status: int, path: str, content: Any, told: str) -> None:
    """`error` is a sentence, and the code is beside it."""
    answer = predict(server, content, path)
    assert (answer.status, told in answer.json["error"], bool(answer.json["code"])) == (status, True, True)


def test_list_is_a_row_where_all_fields_are_numbers() -> None:
    """Its values are in the order of the fields; another length is left to the check of rows."""
    fields = (Field(name="a", kind="number"), Field(name="b", kind="integer"))
    schema = Schema(fields=fields, target=Field(name="c", kind="number"))
    assert instances(schema, b'{"instances": [[1, 2], {"a": 3, "b": 4}, [5]]}') == [
        {"a": 1, "b": 2},
        {"a": 3, "b": 4},
        [5],
    ]
