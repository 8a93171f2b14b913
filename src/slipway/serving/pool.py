"""The threads in which a function predicts what would hold up its event loop."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import cache

__all__ = ["threads"]


@cache
def threads() -> ThreadPoolExecutor:
    """As many as `THREADS` says, 4 unless it does; made when they are first needed."""
    return ThreadPoolExecutor(int(os.environ.get("THREADS") or 4), thread_name_prefix="predict")
