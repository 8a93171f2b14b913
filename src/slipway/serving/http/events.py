"""CloudEvents over HTTP: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md.

`POST /` takes an event whose data are a row or a list of rows, in binary or structured mode, and answers with an event
in the same mode. So a Trigger of Knative feeds a function, and its broker gets the predictions.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from slipway.serving.answers import Answer, Refusal
from slipway.serving.http.requests import Request, parse, rows_in

TYPE = "slipway.prediction"
"""The type of events with predictions."""

_NEEDED = ("specversion", "id", "source", "type")
_STRUCTURED = "application/cloudevents+json"


def is_structured(headers: Mapping[str, str]) -> bool:
    """Return whether an event is written as a whole in the body; raise `Refusal` (415) for several of them."""
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media == "application/cloudevents-batch+json":
        raise Refusal(415, "unsupported_media_type", "events are taken one by one, not as a batch")
    return media == _STRUCTURED


def rows_of(request: Request) -> tuple[list[Any], bool]:
    """Return the rows in the event's data, still to be checked, and False for a single one; raise `Refusal` (400)."""
    if is_structured(request.headers):
        event = parse(request.body)
        if not isinstance(event, dict):
            raise _invalid("the body is no object")
        _check(event)
        if "data" not in event:
            raise _invalid("there are no data; they are a row, or a list of rows, as JSON")
        if str(event.get("datacontenttype", "application/json")).partition(";")[0].strip() != "application/json":
            raise _invalid("datacontenttype is something else than application/json")
        data = event["data"]
    else:
        _check({name: request.headers[f"ce-{name}"] for name in _NEEDED if f"ce-{name}" in request.headers})
        data = parse(request.body)
    return rows_in(data, "the data are")


def answer(request: Request, content: Mapping[str, Any], model_id: str, rows: int) -> Answer:
    """Return an event with `content` as its data, in the mode of the request."""
    event = {"specversion": "1.0", "id": os.urandom(16).hex(), "source": f"/{model_id}", "type": TYPE}
    if is_structured(request.headers):
        whole = {**event, "datacontenttype": "application/json", "data": content}
        return Answer(200, {"content-type": _STRUCTURED}, msgspec.json.encode(whole), rows=rows)
    headers = {"content-type": "application/json", **{f"ce-{name}": quote(value) for name, value in event.items()}}
    return Answer(200, headers, msgspec.json.encode(content), rows=rows)


def _check(event: Mapping[str, Any]) -> None:
    for name in _NEEDED:
        if not isinstance(event.get(name), str) or not event[name]:
            raise _invalid(f"the attribute {name} is missing")
    if event["specversion"] != "1.0":
        raise _invalid(f"the specversion is {event['specversion'][:20]!r}; 1.0 is taken")


def _invalid(problem: str) -> Refusal:
    return Refusal(400, "invalid_event", f"this is no CloudEvent: {problem}; without one, POST /predict takes rows")
