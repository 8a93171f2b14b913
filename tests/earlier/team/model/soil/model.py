"""A `PipelineModel` that stays Python (the form `skops`), with a transformer of its own."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeRegressor

from slipway.model import PipelineModel


class Clip(TransformerMixin, BaseEstimator):
    """A transformer of the model's own."""

    def fit(self, values: Any, target: Any = None) -> "Clip":  # noqa: ARG002 - scikit-learn's signature
        values = np.asarray(values)
        self.low_, self.high_ = np.min(values, axis=0), np.max(values, axis=0)
        return self

    def transform(self, values: Any) -> Any:
        return np.clip(np.asarray(values), self.low_, self.high_)


class Soil(PipelineModel):
    """Says how much grows on a soil."""

    source_features = ["depth", "kind"]
    target_variable = "harvest"

    def pipeline(self) -> Any:
        columns = make_column_transformer((OneHotEncoder(), ["kind"]), (Clip(), ["depth"]))
        return make_pipeline(columns, DecisionTreeRegressor(max_depth=3, random_state=0))
