"""The features of a flower that the classifier gets."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEASUREMENTS = ["sepal_length", "sepal_width", "petal_length", "petal_width"]


def features_of(flowers: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """The four measurements of each flower (cm), and the areas of sepal and petal that follow from them (cm²)."""
    sepal_length, sepal_width, petal_length, petal_width = flowers.T
    return np.column_stack([flowers, sepal_length * sepal_width, petal_length * petal_width])
