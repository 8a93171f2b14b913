"""Lines of a function's log as people read them: nothing in a request steers a terminal, or looks like a line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from slipway.text import one_line, printable

_INDENT = "    "


def shown(line: str) -> str:
    """Return a line of the log, shortened; what the model itself prints, and a traceback, is indented."""
    try:
        told = json.loads(line)
        return "\n".join([_summary(told), *_indented(told.get("traceback", ""))])
    except (ValueError, TypeError, KeyError, AttributeError):
        return "\n".join(_indented(line))


def _summary(told: Mapping[str, Any]) -> str:
    words = [told["time"][11:19], one_line(told["message"])]
    if "status" in told:
        error = f" {told['error']}" if told.get("error") else ""
        words += [f"{told['status']}{error}", f"{told['milliseconds']} ms"]
    words += [f"id {told['request_id']}"] if told.get("request_id") else []
    words += [f"→ {one_line(told['fix'])}"] if told.get("fix") else []
    return "  ".join(words)


def _indented(text: str) -> list[str]:
    return [_INDENT + printable(line) for line in text.splitlines()]
