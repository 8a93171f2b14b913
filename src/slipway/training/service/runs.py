"""Runs of a training, wherever they run, and requests to start one: checked before anything is started."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from slipway.model import Parameter
from slipway.names import nearest
from slipway.serving.answers import Refusal
from slipway.serving.http.requests import parse
from slipway.text import quoted

OVER = frozenset({"Succeeded", "Failed", "Error"})
"""The phases in which a run ends, as Argo calls them."""

_KEYS = ("data", "parameters")
_LONGEST = 2000
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
_LARGEST = 2**63


class Run(NamedTuple):
    """One run of a model's training."""

    name: str
    """The record of its version has it as `training.run`."""
    phase: str
    """Pending, Running, Succeeded, Failed or Error."""
    message: str = ""
    """Why it failed, in the words of the step."""
    started: str | None = None
    """RFC 3339, UTC."""
    finished: str | None = None

    @property
    def is_over(self) -> bool:
        """Return whether the run has ended."""
        return self.phase in OVER


class Runs(Protocol):
    """The runs of one model's training. Every method raises `SlipwayError` when the place of the runs refuses."""

    def start(self, parameters: Mapping[str, Parameter], data: str | None) -> Run:
        """Start a run with these parameters, and on other data if some are given."""

    def last(self) -> Run | None:
        """Return the run that was started last, by anybody; None when none is left."""

    def under_way(self) -> Run | None:
        """Return a run that is not over; None when all are."""

    def find(self, name: str) -> Run | None:
        """Return the run of that name; None when there is none."""


class Start(NamedTuple):
    """A request to start a training: parameters of the model, each of its type, and other data if some are given."""

    parameters: dict[str, Parameter]
    data: str | None = None


def read(body: bytes, known: Mapping[str, Parameter]) -> Start:
    """Read the JSON of a request; an empty body gives neither parameters nor data.

    `known` are the model's parameters with the values that they have unless given. Raise `Refusal` (400) that names
    each wrong key, parameter and value.
    """
    if not body.strip():
        return Start({})
    value = parse(body)
    if not isinstance(value, dict):
        raise Refusal(400, "invalid_json", 'the body is no JSON object, such as {"parameters": {"c": 0.5}}')
    wrong = [f"unknown key {quoted(key)}; {nearest(key, _KEYS)}" for key in value if key not in _KEYS]
    parameters = value.get("parameters") or {}
    if not isinstance(parameters, dict):
        wrong.append("parameters: an object of names and values is needed")
        parameters = {}
    wrong += [problem for name, each in parameters.items() if (problem := _parameter(name, each, known))]
    data = value.get("data")
    if data is not None and (problem := _data(data)):
        wrong.append(problem)
    if wrong:
        raise Refusal(400, "invalid_request", "; ".join(wrong[:10]))
    return Start({name: type(known[name])(each) for name, each in parameters.items()}, data)


def _parameter(name: str, value: Any, known: Mapping[str, Parameter]) -> str:
    """Return what is wrong with a parameter; empty when nothing is."""
    if name not in known:
        some = nearest(name, known) if known else "the model has none"
        return f"unknown parameter {quoted(name)}; {some}"
    kind = type(known[name])
    if type(value) is not kind and not (kind is float and type(value) is int):
        return f"parameter {name}: {_WORDS[kind]} is needed, not {quoted(value)}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"parameter {name}: {value} is no number that a record can hold"
    if isinstance(value, int) and not -_LARGEST <= value < _LARGEST:
        return f"parameter {name}: too large for an integer of 64 bits"
    return f"parameter {name}: {problem}" if isinstance(value, str) and (problem := _text(value)) else ""


def _data(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        return "data: the address of the data is needed, as text: gs://bucket/new.csv"
    if re.match(r"[a-z][a-z0-9+.-]*://[^/]*@", value):
        return "data: holds a user or a password, and every record shows it"
    return f"data: {problem}" if (problem := _text(value)) else ""


def _text(value: str) -> str:
    """Return what is wrong with a text for a workflow; empty when nothing is."""
    if len(value) > _LONGEST:
        return f"{len(value)} characters; {_LONGEST} is the most"
    if _CONTROL.search(value):
        return "no line breaks and control characters are taken"
    return "two braces are not taken: Argo would evaluate what they hold" if "{{" in value else ""
