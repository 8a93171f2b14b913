"""Tell malignant from benign breast tumours, from the picture of a fine needle aspirate."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from model.common.cleaning import without_repeats
from model.tumor.diagnosis import Diagnosis
from model.tumor.measurements import Tumor
from slipway.model import InputError, Model

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from slipway.model import Columns

MEASUREMENTS = [field.name for field in fields(Tumor)]
SIZES = ("radius", "perimeter", "area")


class TumorModel(Model):
    """A forest of decision trees on the thirty measurements."""

    input = Tumor
    output = Diagnosis
    target_variable = "diagnosis"
    parameters = {"trees": 100, "smallest_leaf": 2}
    waits = False  # to predict is to compute
    by_column = True

    def train(self, data: "pd.DataFrame") -> None:
        from sklearn.ensemble import RandomForestClassifier

        data = without_repeats(data)
        classes = [Diagnosis(text).as_class for text in data["diagnosis"]]
        self.forest = RandomForestClassifier(
            n_estimators=self.parameters["trees"], min_samples_leaf=self.parameters["smallest_leaf"], random_state=0
        )
        self.forest.fit(data[MEASUREMENTS].to_numpy(), classes)

    def predict(self, tumors: "Columns") -> "Sequence[Any]":
        check(tumors)
        found = self.forest.predict(np.asarray(tumors[MEASUREMENTS]))
        return list(map(Diagnosis.from_class, found.tolist()))


def check(tumors: "Columns") -> None:
    """Refuse what no picture can show: the three largest nuclei are never smaller than the mean."""
    worst, mean = (np.asarray(tumors[[f"{which}_{size}" for size in SIZES]]) for which in ("worst", "mean"))
    for row, place in np.argwhere(worst < mean)[:1].tolist():
        raise InputError(f"is below mean_{SIZES[place]}", row=row, field=f"worst_{SIZES[place]}")
