"""Slipway: GitOps for machine-learning models served as serverless functions.

From a notebook: `slipway.publish(model, folder)` makes the folder of an artifact the next version of a model, and
`slipway.fetch(model, to=folder)` copies a version, every file checked. `slipway.save(estimator, X, y, model)` writes
the folder of a model that is fitted already. After `import slipway`, a notebook anywhere in the repository can import
its models: `from model.wine.model import Wine`.
"""

from __future__ import annotations

import sys
from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "fetch", "publish", "save"]

_HOMES = {
    "fetch": "slipway.store",
    "publish": "slipway.images.publishing",
    "save": "slipway.training.notebooks",
}


def __getattr__(name: str) -> Any:
    """Import the functions for notebooks on first use: serving does not need them."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'slipway' has no attribute {name!r}")


def _reach_models() -> None:
    """Let a person's Python find `model` from any folder of the repository."""
    from pathlib import Path

    here = Path.cwd()
    root = next((folder for folder in (here, *here.parents) if (folder / "slipway.yaml").is_file()), None)
    if root is not None and str(root) not in sys.path:
        sys.path.append(str(root))


# In a notebook, or at a prompt. Programs say themselves where they find modules.
if "IPython" in sys.modules or hasattr(sys, "ps1"):
    _reach_models()
