"""Classes that were written for something else, as models: what they are told, and what they answer, translated.

`adapted` makes a `Model` of such a class. What serves imports this, so only the standard library is needed here.
"""

from __future__ import annotations

from slipway.wrapped.adapting import adapted, fits
from slipway.wrapped.frames import ModelWrapper

__all__ = ["ModelWrapper", "adapted", "fits"]
