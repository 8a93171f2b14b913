"""The environment that a model's own code runs in: what a pipeline alone may use is not in it."""

import os

__all__ = ["WITHHELD", "environment"]

WITHHELD = frozenset(
    {
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
        "ACTIONS_ID_TOKEN_REQUEST_URL",
        "ACTIONS_RUNTIME_TOKEN",
        "ACTIONS_RUNTIME_URL",
        "GH_TOKEN",
        "GITHUB_TOKEN",
        "SLIPWAY_DISPATCH_TOKEN",
        "SLIPWAY_KEY",
        "SLIPWAY_PASSWORD",
    }
)
"""Variables by which one may act as the pipeline, or as a caller: write to the repository, take on an identity."""


def environment() -> dict[str, str]:
    """The variables of this process without `WITHHELD`."""
    return {name: value for name, value in os.environ.items() if name not in WITHHELD}
