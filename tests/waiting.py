"""Waiting for what is to happen, as long as a busy machine may take."""

import time
from collections.abc import Callable


def until(holds: Callable[[], object], patience: float = 60) -> None:
    """Return once `holds` is true; an assertion fails when it is not so within `patience` seconds."""
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, "it did not come to be"
        time.sleep(0.02)
