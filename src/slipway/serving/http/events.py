"""CloudEvents over HTTP: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md.

`POST /` takes an event whose data are a row or a list of rows, in binary or structured mode, and answers with an event
in the same mode. So a Trigger of Knative feeds a function, and its broker gets the predictions. The answer names the
event that caused it: https://github.com/cloudevents/spec/blob/main/cloudevents/extensions/correlation.md.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple
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


class Event(NamedTuple):
    """An event with rows, still to be checked; `many` is False for a single one."""

    attributes: Mapping[str, Any]
    rows: list[Any]
    many: bool
    structured: bool

    def answer(self, content: Mapping[str, Any], model_id: str) -> Answer:
        """Return an event with `content` as its data, in the mode of this one, which it names as its cause."""
        event = {"specversion": "1.0", "id": os.urandom(16).hex(), "source": f"/{model_id}", "type": TYPE}
        event["causationid"] = self.attributes["id"]
        if self.attributes.get("correlationid"):
            event["correlationid"] = str(self.attributes["correlationid"])
        if self.structured:
            whole = {**event, "datacontenttype": "application/json", "data": content}
            return Answer(200, {"content-type": _STRUCTURED}, msgspec.json.encode(whole), rows=len(self.rows))
        headers = {"content-type": "application/json", **{f"ce-{name}": _text(event[name]) for name in event}}
        return Answer(200, headers, msgspec.json.encode(content), rows=len(self.rows))


def read(request: Request) -> Event:
    """Return the event of a request; raise `Refusal` (400)."""
    structured = is_structured(request.headers)
    attributes = _whole(request.body) if structured else _headers(request.headers)
    for name in _NEEDED:
        if not isinstance(attributes.get(name), str) or not attributes[name]:
            raise _invalid(f"the attribute {name} is missing")
    if attributes["specversion"] != "1.0":
        raise _invalid(f"the specversion is {attributes['specversion'][:20]!r}; 1.0 is taken")
    data = _data(attributes) if structured else parse(request.body)
    return Event(attributes, *rows_in(data, "the data are"), structured)


def _whole(body: bytes) -> dict[str, Any]:
    event = parse(body)
    if not isinstance(event, dict):
        raise _invalid("the body is no object")
    return event


def _headers(headers: Mapping[str, str]) -> dict[str, str]:
    return {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}


def _text(value: str) -> str:
    """Return a value for a header: as it came where it can be; not every SDK encodes what the binding encodes."""
    return value if value.isascii() and value.isprintable() else quote(value)


def _data(event: Mapping[str, Any]) -> Any:
    if "data" not in event:
        raise _invalid("there are no data; they are a row, or a list of rows, as JSON")
    if str(event.get("datacontenttype", "application/json")).partition(";")[0].strip() != "application/json":
        raise _invalid("datacontenttype is something else than application/json")
    return event["data"]


def _invalid(problem: str) -> Refusal:
    return Refusal(400, "invalid_event", f"this is no CloudEvent: {problem}; without one, POST /predict takes rows")
