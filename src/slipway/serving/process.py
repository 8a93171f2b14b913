"""The settings of a function's process, and its threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from slipway.errors import SlipwayError

PROTOCOL = "SLIPWAY_PROTOCOL"
"""The variable with the protocol that the function serves: http or grpc."""

METRICS_PORT = "SLIPWAY_METRICS_PORT"
"""The variable with the port of the metrics beside gRPC; without it there are none."""

GRACE = 600
"""Seconds between SIGTERM and the end: the longest `scale.timeout`. Kubernetes itself kills after `timeoutSeconds`."""

# In seconds. With uvicorn's 5, a connection could close just as Knative's proxy, which keeps idle ones for 90, sends.
KEEP_ALIVE = 620


def protocol() -> str:
    """Return the protocol by `PROTOCOL`; raise `SlipwayError` for an unknown one."""
    found = os.environ.get(PROTOCOL) or "http"
    if found not in ("http", "grpc"):
        raise SlipwayError(f"{PROTOCOL} is {found!r}", fix="give http or grpc, or leave it out: it is http")
    return found


def setting(variable: str, default: int) -> int:
    """Return the number in an environment variable, or `default`; raise `SlipwayError` unless it is above 0."""
    text = os.environ.get(variable) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise SlipwayError(f"{variable} is {text!r}", fix=f"give a number above 0, or leave it out: it is {default}")
    return int(text)


@cache
def threads() -> ThreadPoolExecutor:
    """Return the `THREADS` that predict; each is made when first needed."""
    return ThreadPoolExecutor(setting("THREADS", 4), thread_name_prefix="predict")
