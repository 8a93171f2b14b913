"""Whether a breast tumour is malignant, from the picture of a fine needle aspirate."""

from dataclasses import astuple, fields
from typing import TYPE_CHECKING, Any

from model.common.cleaning import without_repeats
from model.tumor.diagnosis import Diagnosis
from model.tumor.measurements import Tumor
from slipway.model import InputError, Model

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

MEASUREMENTS = [field.name for field in fields(Tumor)]


class TumorModel(Model):
    """A forest of decision trees on the thirty measurements."""

    input = Tumor
    output = Diagnosis
    target_variable = "diagnosis"
    parameters = {"trees": 100, "smallest_leaf": 2}
    waits = False  # to predict is to compute

    def train(self, data: "pd.DataFrame") -> None:
        from sklearn.ensemble import RandomForestClassifier

        data = without_repeats(data)
        classes = [Diagnosis(text).as_class for text in data["diagnosis"]]
        self.forest = RandomForestClassifier(
            n_estimators=self.parameters["trees"], min_samples_leaf=self.parameters["smallest_leaf"], random_state=0
        )
        self.forest.fit(data[MEASUREMENTS].to_numpy(), classes)

    def predict(self, rows: "Sequence[Any]") -> "Sequence[Any]":
        for number, tumor in enumerate(rows):
            check(tumor, number)
        return [Diagnosis.from_class(found) for found in self.forest.predict([astuple(tumor) for tumor in rows])]


def check(tumor: Tumor, row: int) -> None:
    """Refuse what no picture can show: the three largest nuclei are never smaller than the mean."""
    for name in ("radius", "perimeter", "area"):
        if getattr(tumor, f"worst_{name}") < getattr(tumor, f"mean_{name}"):
            raise InputError(f"is below mean_{name}", row=row, field=f"worst_{name}")
