"""The settings of a function's process, and its threads."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from slipway.errors import SlipwayError

__all__ = ["GRACE", "setting", "thread_count", "threads"]

GRACE = 600
"""Seconds between SIGTERM and the end: the longest `scale.timeout`. Kubernetes itself kills after `timeoutSeconds`."""


def setting(variable: str, default: int) -> int:
    """Return the number in an environment variable, or `default`; raise `SlipwayError` unless it is above 0."""
    text = os.environ.get(variable) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise SlipwayError(f"{variable} is {text!r}", fix=f"give a number above 0, or leave it out: it is {default}")
    return int(text)


def thread_count() -> int:
    """Return the number of threads by `THREADS`; raise `SlipwayError` unless it is above 0."""
    return setting("THREADS", 4)


@cache
def threads() -> ThreadPoolExecutor:
    """Return the threads that predict; they are made when first needed."""
    return ThreadPoolExecutor(thread_count(), thread_name_prefix="predict")
