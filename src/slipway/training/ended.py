"""How a run of a workflow ended: one line of JSON for whoever watches the logs, and its version announced."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import msgspec

from slipway.errors import SlipwayError
from slipway.github import announcements
from slipway.store.records import run_url
from slipway.store.versions import published_by

if TYPE_CHECKING:
    from slipway.store import Store

__all__ = ["said", "told"]


def told(store: Store, model: str, phase: str, seconds: float) -> Iterator[str]:
    """The lines to show; of the run that `SLIPWAY_RUN` names, whose failures Argo has put into `SLIPWAY_FAILURES`.

    A store that cannot be reached fails nothing: how the run ended is told all the same.
    """
    name, problem, record = run_url(), "", None
    if phase == "Succeeded":
        try:
            record = published_by(store, model, name)
        except SlipwayError as error:
            problem = error.problem
    line: dict[str, Any] = {
        "severity": "INFO" if phase == "Succeeded" else "ERROR",
        "message": f"{name} {phase} after {seconds:.0f} s",
        "model": model,
        "environment": store.environment,
        "run": name,
        "phase": phase,
        "seconds": round(seconds, 1),
    }
    if record is not None:
        line |= {"model_id": str(record.id), "metrics": dict(record.metrics)}
    if failures := _failures():
        line["failures"] = failures
    if problem:
        line["problem"] = problem
    yield msgspec.json.encode(line).decode()
    if record is not None and announcements.is_wanted():
        yield announcements.version(record.id)


def _failures() -> list[dict[str, str]]:
    """The steps that failed, and what they said."""
    # Argo quotes its list once more where it puts it into a text.
    try:
        found = msgspec.json.decode(os.environ.get("SLIPWAY_FAILURES") or "[]")
        found = msgspec.json.decode(found) if isinstance(found, str) else found
        # Whatever a failed step is within has failed as well. A try is called evaluate(0), what is around it is not.
        tries = [each for each in found or [] if str(each["displayName"]).endswith(")")]
        return [{"step": str(each["templateName"]), "message": said(each["message"])} for each in tries or found or []]
    except (msgspec.MsgspecError, KeyError, TypeError, AttributeError):
        return []


_AROUND = re.compile(r'(time="[^"]*" level=|Error: exit status )')
_STATUS = re.compile(r"\Amain: Error \(exit code \d+\): (?=.)", re.DOTALL)


def said(message: str) -> str:
    """The step's own last lines where the message holds them, else the message."""
    lines = [line for line in message.splitlines() if not _AROUND.match(line)]
    return _STATUS.sub("", "\n".join(lines)).strip()
