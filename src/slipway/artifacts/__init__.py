"""Trained models as folders of files: `save` writes one, `load` reads it.

Loading runs no code of a saved part; see `slipway.artifacts.trust`.
"""

from __future__ import annotations

from slipway.artifacts.golden import Golden, differences
from slipway.artifacts.loading import Loaded, load
from slipway.artifacts.manifest import Manifest, Part
from slipway.artifacts.saving import save
from slipway.artifacts.values import PredictionError

__all__ = ["Golden", "Loaded", "Manifest", "Part", "PredictionError", "differences", "load", "save"]
