"""Cleaning that more than one model needs."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

Limits = dict[str, tuple[float, float]]


def without_repeats(data: "pd.DataFrame") -> "pd.DataFrame":
    """`data` without the rows that say again what an earlier row said."""
    return data.drop_duplicates(ignore_index=True)


def limits_of(data: "pd.DataFrame") -> Limits:
    """The smallest and the largest value of each column."""
    return {name: (float(column.min()), float(column.max())) for name, column in data.items()}


def within(row: "Mapping[str, float]", limits: Limits) -> dict[str, float]:
    """`row` with every value moved to the nearest one within its limits, as a model knows nothing beyond them."""
    return {name: min(max(row[name], low), high) for name, (low, high) in limits.items()}
