"""Several parts of different forms: a graph, an estimator that stays Python, an array and plain values."""

from typing import TYPE_CHECKING, Any

import numpy as np
from model.common.scales import scaled
from sklearn.base import BaseEstimator, RegressorMixin

from slipway.model import Model

if TYPE_CHECKING:
    from collections.abc import Sequence


class Rate(RegressorMixin, BaseEstimator):
    """An estimator of the model's own, which no graph is made of."""

    def fit(self, values: Any, target: Any) -> "Rate":
        self.rate_ = float(np.mean(np.asarray(target) / np.sum(values, axis=1)))
        return self

    def predict(self, values: Any) -> Any:
        return np.sum(values, axis=1) * self.rate_


class Berry(Model):
    """Says by two estimators how sweet a berry is."""

    source_features = ["length", "width"]
    target_variable = "sweetness"
    parameters = {"factor": 0.5}

    def train(self, data: Any) -> None:
        from sklearn.linear_model import LinearRegression

        values = data[list(self.source_features)].to_numpy(dtype=float)
        self.middle = values.mean(axis=0)
        self.line = LinearRegression().fit(values, data["sweetness"])
        self.rate = Rate().fit(values, data["sweetness"])
        self.names = {"line": 1, "rate": 2}

    def predict(self, rows: "Sequence[Any]") -> "Sequence[Any]":
        values = np.array([[row["length"], row["width"]] for row in rows], dtype=float)
        rate, line = self.rate.predict(values).tolist(), np.ravel(self.line.predict(values)).tolist()
        found = [scaled(one + other, self.parameters["factor"]) for one, other in zip(rate, line, strict=True)]
        large = (values > self.middle).all(axis=1).tolist()
        return [{"sweetness": each, "large": size} for each, size in zip(found, large, strict=True)]
