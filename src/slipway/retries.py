"""Calls that are tried again after a pause that doubles."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

__all__ = ["repeat"]

T = TypeVar("T")

_TRIES = 4


def repeat(call: Callable[[], T], wait: Callable[[Exception, int], float | None]) -> T:
    """Return what `call` returns; after an error, wait and call again, four times at the most.

    `wait` gets the error and how often the pause was doubled, as a factor: 1, 2, 4. It returns the seconds to wait,
    or None when another try makes no sense. The last error is raised.
    """
    for number in range(_TRIES):
        try:
            return call()
        except Exception as error:
            seconds = wait(error, 2**number) if number + 1 < _TRIES else None
            if seconds is None:
                raise
        time.sleep(seconds)
    raise AssertionError("the last try returns or raises")
