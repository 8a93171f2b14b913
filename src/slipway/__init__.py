"""Slipway: GitOps for machine-learning models served as serverless functions.

From a notebook: `slipway.publish(model, folder)` makes a folder the next version of a model, and
`slipway.fetch(model, to=folder)` copies a version, every file checked.
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "fetch", "publish"]


def __getattr__(name: str) -> Any:
    """Import the functions of the store on first use: serving does not need them."""
    if name in ("fetch", "publish"):
        from importlib import import_module

        return getattr(import_module("slipway.store"), name)
    raise AttributeError(f"module 'slipway' has no attribute {name!r}")
