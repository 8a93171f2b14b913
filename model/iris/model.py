"""Which species an iris belongs to, from the size of its sepals and petals."""

from typing import TYPE_CHECKING, Any

from model.common.cleaning import limits_of, within, without_repeats
from model.iris.features import MEASUREMENTS, features_of
from slipway.model import Model

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd


class Iris(Model):
    """Logistic regression on a flower's measurements and what follows from them."""

    source_features = MEASUREMENTS
    target_variable = "species"
    parameters = {"c": 1.0}
    waits = False  # to predict is to compute

    def train(self, data: "pd.DataFrame") -> None:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        data = without_repeats(data)
        flowers = data[list(MEASUREMENTS)]
        self.limits = limits_of(flowers)
        self.classifier = make_pipeline(
            StandardScaler(), LogisticRegression(C=self.parameters["c"], max_iter=1000, random_state=0)
        )
        self.classifier.fit(self.prepare(flowers.to_dict("records")), data["species"].tolist())

    def predict(self, rows: "Sequence[Any]") -> "Sequence[Any]":
        return self.classifier.predict(self.prepare(rows)).tolist()

    def prepare(self, rows: "Sequence[Any]") -> list[list[float]]:
        """The rows as the classifier takes them, the same way in training and in predicting."""
        return [features_of(within(row, self.limits)) for row in rows]
