"""Saves arrays of numbers and of texts (the form `npy`)."""

from typing import TYPE_CHECKING, Any

import numpy as np

from slipway.model import Model

if TYPE_CHECKING:
    from collections.abc import Sequence


class Tide(Model):
    """Says how high the water is, by the hour."""

    source_features = ["hour", "place"]
    target_variable = "height"

    def train(self, data: Any) -> None:
        self.heights = data.groupby("hour")["height"].mean().reindex(range(24), fill_value=0.0).to_numpy()
        self.places = np.array(sorted(set(data["place"].tolist())))

    def predict(self, rows: "Sequence[Any]") -> "Sequence[Any]":
        assert set(self.places.tolist()) == {"east", "west"}
        return [float(self.heights[int(row["hour"]) % 24]) for row in rows]
