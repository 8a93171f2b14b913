"""A trained model as a folder of files: saved by training, loaded by whatever predicts.

`save` writes it, `load` reads it. Loading runs no code that a saved part brings along; see `slipway.artifacts.trust`.
"""

from __future__ import annotations

from slipway.artifacts.answers import PredictionError
from slipway.artifacts.golden import Golden, differences
from slipway.artifacts.loading import Loaded, load
from slipway.artifacts.manifest import Manifest, Part
from slipway.artifacts.saving import save

__all__ = ["Golden", "Loaded", "Manifest", "Part", "PredictionError", "differences", "load", "save"]
