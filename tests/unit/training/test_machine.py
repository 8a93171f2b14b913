"""The record names what of a machine decides how sums are rounded."""

import os
import platform
import subprocess
import sys

import pytest

from slipway.processes import SOURCE


def seen(**variables: str) -> str:
    """Return what a new process says of its machine."""
    code = "from slipway.training.machine import machine; print(machine())"
    env = {**os.environ, "PYTHONPATH": SOURCE, "OPENBLAS_NUM_THREADS": "1", **variables}
    done = subprocess.run([sys.executable, "-P", "-c", code], env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.mark.long(10)
def test_another_cpu_or_number_of_threads_is_seen() -> None:
    """What else the process has imported does not count."""
    here = seen()
    assert here.startswith(f"{platform.machine()}, openblas ") and here.endswith(", 1 thread")
    assert seen(OPENBLAS_NUM_THREADS="2").endswith(", 2 threads")
    if platform.machine() == "x86_64":
        assert "for Nehalem" in seen(OPENBLAS_CORETYPE="Nehalem") and "Nehalem" not in here
