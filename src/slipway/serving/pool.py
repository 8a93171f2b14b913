"""The threads in which a function predicts what would hold up its event loop."""

from concurrent.futures import ThreadPoolExecutor
from functools import cache

from slipway.serving.variables import setting

__all__ = ["count", "threads"]


def count() -> int:
    """How many `THREADS` says, 4 unless it does; raises `SlipwayError` where it says no number above 0."""
    return setting("THREADS", 4)


@cache
def threads() -> ThreadPoolExecutor:
    """That many, made when they are first needed."""
    return ThreadPoolExecutor(count(), thread_name_prefix="predict")
