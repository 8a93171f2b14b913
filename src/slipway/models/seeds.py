"""The seed that random numbers begin with where a model reads data, trains, and measures."""

from __future__ import annotations

import random
from contextlib import suppress

_SEED = 0


def set_seeds() -> None:
    """Seed the generators of Python and numpy, from which code without a seed of its own draws."""
    random.seed(_SEED)
    with suppress(ImportError):  # the environment of a served model may lack numpy
        import numpy

        numpy.random.seed(_SEED)
