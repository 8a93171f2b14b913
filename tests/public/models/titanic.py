from dataclasses import asdict, dataclass
from typing import Literal

from slipway.model import Model


@dataclass
class Passenger:
    sex: Literal["female", "male"]
    age: float | None
    passengerClass: Literal["1st", "2nd", "3rd"]


class Titanic(Model):
    """Whether a passenger survived."""

    input = Passenger
    target_variable = "survived"

    def train(self, data):
        from sklearn.compose import make_column_transformer
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder

        prepare = make_column_transformer(
            (SimpleImputer(), ["age"]), (OneHotEncoder(handle_unknown="ignore"), ["sex", "passengerClass"])
        )
        self.forest = make_pipeline(prepare, RandomForestClassifier(n_estimators=50, random_state=0))
        self.forest.fit(data[["sex", "age", "passengerClass"]], data["survived"])

    def predict(self, rows):
        import pandas as pd

        return self.forest.predict(pd.DataFrame([asdict(row) for row in rows])).tolist()
