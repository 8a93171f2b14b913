"""One line of JSON on stderr for each thing worth knowing, in the fields that Cloud Logging reads."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

__all__ = ["Severity", "request_id", "write"]

Severity = Literal["INFO", "WARNING", "ERROR", "CRITICAL"]

_GIVEN = re.compile(r"[\x21-\x7e]{1,128}")
# Later versions may have more behind what the first has; there is no version ff, and no trace or parent of zeros alone.
# https://www.w3.org/TR/trace-context/#versioning-of-traceparent
_TRACEPARENT = re.compile(
    r"(?!ff|00-.{52}.)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?"
)


def write(severity: Severity, message: str, **fields: Any) -> None:
    """Write one line with the time in UTC, to the millisecond."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    line = {"time": f"{stamp}.{int(now % 1 * 1000):03}Z", "severity": severity, "message": message, **fields}
    # One write for a whole line: lines of several threads do not mix.
    sys.stderr.write(msgspec.json.encode(line).decode() + "\n")
    sys.stderr.flush()


def request_id(headers: Mapping[str, str]) -> str:
    """The caller's `X-Request-Id`, else the trace of its `traceparent`, else a new one (32 hexadecimal digits)."""
    given = headers.get("x-request-id", "")
    if _GIVEN.fullmatch(given):
        return given
    trace = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
    return trace[1] if trace else os.urandom(16).hex()
