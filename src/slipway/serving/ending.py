"""How a function ends, whatever it is asked by."""

__all__ = ["GRACE"]

GRACE = 600
"""Seconds of the time between SIGTERM and the end: as long as the longest `scale.timeout`.

Who ends a function knows how long its requests may take: Kubernetes kills after `timeoutSeconds`.
"""
