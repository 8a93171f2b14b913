"""The parts of a machine that decide how a sum of floating-point numbers is rounded."""

from __future__ import annotations

import platform

from slipway.text import counted


def machine() -> str:
    """Return the CPU's kind, and its linear algebra: `x86_64, openblas 0.3.30 for Haswell, 1 thread`."""
    import numpy  # noqa: F401 - both bring their own, which is seen once it is loaded
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_info

    algebra = [each for each in threadpool_info() if each["user_api"] == "blas"]
    found = {f"{each['internal_api']} {each['version']} for {each.get('architecture', 'any')}" for each in algebra}
    threads = max((each["num_threads"] for each in algebra), default=1)
    return ", ".join([platform.machine(), *sorted(found), counted(threads, "thread")])
