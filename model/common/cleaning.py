"""Cleaning that more than one model needs."""

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

Limits = dict[str, tuple[float, float]]


def without_repeats(data: "pd.DataFrame") -> "pd.DataFrame":
    """`data` without the rows that say again what an earlier row said."""
    return data.drop_duplicates(ignore_index=True)


def limits_of(data: "pd.DataFrame") -> Limits:
    """The smallest and the largest value of each column."""
    return {name: (float(column.min()), float(column.max())) for name, column in data.items()}


def within(data: Any, limits: Limits) -> "NDArray[np.float64]":
    """The columns of `limits`, every value moved to the nearest one within, as a model knows nothing beyond them."""
    lowest, highest = zip(*limits.values(), strict=True)
    return np.minimum(np.maximum(np.asarray(data[list(limits)]), lowest), highest)
