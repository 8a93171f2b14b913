"""Is released, rolled back, promoted and reproduced."""

from typing import TYPE_CHECKING, Any

from model.common.scales import scaled

from slipway.model import Model

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


class Fruit(Model):
    """Says how heavy a fruit is."""

    source_features = ["length"]
    target_variable = "weight"
    output = float
    parameters = {"factor": 1.0}

    def read(self, path: "Path") -> Any:
        import pandas as pd

        return pd.read_csv(path).query("length > 0")

    def train(self, data: Any) -> None:
        self.slope = scaled(float((data["weight"] / data["length"]).mean()), self.parameters["factor"])

    def predict(self, rows: "Sequence[Any]") -> "Sequence[Any]":
        return [row["length"] * self.slope for row in rows]
