"""Which species an iris belongs to, from the size of its sepals and petals."""

from typing import TYPE_CHECKING, Any

from model.common.cleaning import limits_of, within, without_repeats
from model.iris.features import MEASUREMENTS, features_of
from slipway.model import Model

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from slipway.model import Columns


class Iris(Model):
    """Logistic regression on a flower's measurements and what follows from them."""

    source_features = MEASUREMENTS
    target_variable = "species"
    parameters = {"c": 1.0}
    waits = False  # to predict is to compute
    by_column = True

    def train(self, data: "pd.DataFrame") -> None:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        flowers = without_repeats(data)
        self.limits = limits_of(flowers[MEASUREMENTS])
        self.classifier = make_pipeline(
            StandardScaler(), LogisticRegression(C=self.parameters["c"], max_iter=1000, random_state=0)
        )
        self.classifier.fit(self.prepare(flowers), flowers["species"].tolist())

    def predict(self, flowers: "Columns") -> "Sequence[Any]":
        return self.classifier.predict(self.prepare(flowers)).tolist()

    def prepare(self, flowers: "Columns | pd.DataFrame") -> "NDArray[Any]":
        """The flowers as the classifier takes them, the same way in training and in predicting."""
        return features_of(within(flowers, self.limits))
