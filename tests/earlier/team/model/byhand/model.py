"""The class of an artifact that was published by hand, without code."""

from typing import TYPE_CHECKING, Any

from slipway.model import Model

if TYPE_CHECKING:
    from collections.abc import Sequence


class ByHand(Model):
    """Multiplies."""

    source_features = ["x"]
    target_variable = "y"

    def predict(self, rows: "Sequence[Any]") -> "Sequence[Any]":
        return [row["x"] * self.factor for row in rows]
