"""The outcome of a workflow's run: one line of JSON for whoever watches the logs, and its version announced."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from slipway.errors import SlipwayError
from slipway.github import events
from slipway.store import Store
from slipway.store.records import run_url
from slipway.store.versions import published_by


def lines(store: Store, model: str, phase: str, seconds: float) -> Iterator[str]:
    """Yield the lines to show for the run that `SLIPWAY_RUN` names; Argo puts its failures into `SLIPWAY_FAILURES`.

    When the store cannot be reached, the line tells that too, and nothing fails.
    """
    name, problem, record = run_url(), "", None
    if phase == "Succeeded":
        try:
            record = published_by(store, model, name)
        except SlipwayError as error:
            problem = error.problem
    line: dict[str, Any] = {
        "severity": "INFO" if phase == "Succeeded" else "ERROR",
        "message": f"{name or 'the training'} {phase} after {seconds:.0f} s",
        "model": model,
        "environment": store.environment,
        "run": name,
        "phase": phase,
        "seconds": round(seconds, 1),
    }
    if record is not None:
        line |= {"model_id": str(record.id), "metrics": dict(record.metrics)}
        if record.training and (fit := record.training.second_fit):
            line["second_fit"] = fit.words
    if failures := _failures():
        line["failures"] = failures
    if problem:
        line["problem"] = problem
    yield msgspec.json.encode(line).decode()
    if record is not None and events.can_announce():
        yield events.announce_version(record.id)


def _failures() -> list[dict[str, str]]:
    """Return the steps that failed, and why."""
    # Argo quotes its list once more where it puts it into a text.
    try:
        found = msgspec.json.decode(os.environ.get("SLIPWAY_FAILURES") or "[]")
        found = msgspec.json.decode(found) if isinstance(found, str) else found
        # What holds a failed step has failed as well. A try is called evaluate(0), what holds it is not.
        tries = [each for each in found or [] if str(each["displayName"]).endswith(")")]
        failed = tries or found or []
        return [{"step": str(each["templateName"]), "message": reason(each["message"])} for each in failed]
    except (msgspec.MsgspecError, KeyError, TypeError, AttributeError):
        return []


_ARGO = re.compile(r'(time="[^"]*" level=|Error: exit status )')
_STATUS = re.compile(r"\Amain: Error \(exit code \d+\): (?=.)", re.DOTALL)


def reason(message: str) -> str:
    """Return the last lines of the step itself in a message of Argo's; the message when it holds none."""
    own = [line for line in message.splitlines() if not _ARGO.match(line)]
    return _STATUS.sub("", "\n".join(own)).strip()
