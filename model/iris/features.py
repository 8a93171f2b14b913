"""What the classifier sees of a flower."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

MEASUREMENTS = ("sepal_length", "sepal_width", "petal_length", "petal_width")


def features_of(flower: "Mapping[str, float]") -> list[float]:
    """The four measurements (cm), and the areas of sepal and petal that follow from them (cm²)."""
    sepal_length, sepal_width, petal_length, petal_width = (flower[name] for name in MEASUREMENTS)
    return [
        sepal_length,
        sepal_width,
        petal_length,
        petal_width,
        sepal_length * sepal_width,
        petal_length * petal_width,
    ]
