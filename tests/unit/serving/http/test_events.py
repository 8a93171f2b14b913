"""CloudEvents, made and read by their own SDK."""

import json
from typing import Any
from urllib.parse import quote

import pytest
from cloudevents.conversion import to_binary, to_structured
from cloudevents.http import CloudEvent, from_http

from tests.unit.serving import tiny
from tests.unit.serving.conftest import Reply, Server

ATTRIBUTES = {"type": "com.example.parcel", "source": "/parcels"}


def send(server: Server, headers: Any, body: bytes) -> Reply:
    return server.ask("POST", "/", body, **{name.replace("-", "_"): value for name, value in headers.items()})


@pytest.mark.parametrize("write", [to_binary, to_structured])
@pytest.mark.parametrize(
    ("data", "prediction"), [(tiny.ROWS[0], tiny.PREDICTIONS[0]), (tiny.ROWS, tiny.PREDICTIONS), ([], [])]
)
def test_event_gives_an_event_with_the_prediction(server: Server, write: Any, data: Any, prediction: Any) -> None:
    """It has the mode of the request, an id of its own, and the model as its source."""
    answer = send(server, *write(CloudEvent(ATTRIBUTES, data)))
    assert answer.status == 200
    event = from_http(answer.headers, answer.body)
    assert (event["type"], event["source"]) == ("slipway.prediction", "/tiny/test/7")
    assert event.data["prediction"] == prediction
    assert event.data["release"] == "v7-1a2b3c4d"
    assert ("ce-id" in answer.headers) == (write is to_binary)


@pytest.mark.parametrize("write", [to_binary, to_structured])
def test_answer_names_the_event_that_caused_it(server: Server, write: Any) -> None:
    """A broker gives only the answer on, so who gets it learns from it what it answers."""
    named = {"id": "order%207 é", "correlationid": "a b/c"}
    answer = send(server, *write(CloudEvent({**ATTRIBUTES, **named}, tiny.ROWS[0])))
    event = from_http(answer.headers, answer.body)
    assert event["id"] != named["id"]
    assert event["correlationid"] == named["correlationid"]
    assert event["causationid"] == (named["id"] if write is to_structured else quote("order%207 é"))


@pytest.mark.parametrize("write", [to_binary, to_structured])
def test_wrong_rows_are_refused(server: Server, write: Any) -> None:
    """Knative's broker sends an event with 400 nowhere but to the sink of dead letters."""
    answer = send(server, *write(CloudEvent(ATTRIBUTES, {**tiny.ROWS[0], "weight": -1})))
    assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_rows")


WHOLE = {"specversion": "1.0", "id": "1", "source": "/x", "type": "y", "data": tiny.ROWS[0]}
STRUCTURED = {"Content-Type": "application/cloudevents+json"}


@pytest.mark.parametrize(
    ("status", "headers", "body", "told"),
    [
        (400, {"Content-Type": "application/json"}, tiny.ROWS[0], "the attribute specversion is missing"),
        (400, STRUCTURED, {**WHOLE, "id": ""}, "the attribute id is missing"),
        (400, STRUCTURED, {**WHOLE, "type": 1}, "the attribute type is missing"),
        (400, STRUCTURED, {**WHOLE, "specversion": "0.3"}, "the specversion is '0.3'"),
        (400, STRUCTURED, {**WHOLE, "datacontenttype": "text/csv"}, "datacontenttype"),
        (400, STRUCTURED, {name: value for name, value in WHOLE.items() if name != "data"}, "there are no data"),
        (400, STRUCTURED, {**WHOLE, "data": 3}, "neither a JSON object"),
        (400, STRUCTURED, [WHOLE], "the body is no object"),
        (415, {"Content-Type": "application/cloudevents-batch+json"}, [WHOLE], "not as a batch"),
    ],
)
def test_what_is_no_event_is_refused(server: Server, status: int, headers: Any, body: Any, told: str) -> None:
    """The refusal says what is missing."""
    answer = send(server, headers, json.dumps(body).encode())
    assert (answer.status, told in answer.json["error"]["message"]) == (status, True)
