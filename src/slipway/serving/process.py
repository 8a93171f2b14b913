"""What the environment sets for a function, read so that a value which cannot be meant is refused by its name."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from slipway.errors import SlipwayError

__all__ = ["GRACE", "count", "setting", "threads"]


def setting(variable: str, default: int) -> int:
    """The number above 0 that the environment has under this name, or `default`; raises `SlipwayError` for another."""
    text = os.environ.get(variable) or str(default)
    if not text.isdecimal() or int(text) < 1:
        raise SlipwayError(f"{variable} is {text!r}", fix=f"give a number above 0, or leave it out: it is {default}")
    return int(text)


def count() -> int:
    """How many `THREADS` says, 4 unless it does; raises `SlipwayError` where it says no number above 0."""
    return setting("THREADS", 4)


@cache
def threads() -> ThreadPoolExecutor:
    """That many, made when they are first needed."""
    return ThreadPoolExecutor(count(), thread_name_prefix="predict")


GRACE = 600
"""Seconds of the time between SIGTERM and the end: as long as the longest `scale.timeout`.

Who ends a function knows how long its requests may take: Kubernetes kills after `timeoutSeconds`.
"""
