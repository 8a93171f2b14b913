import joblib
import pandas as pd
from sklearn.linear_model import LogisticRegression


class ModelWrapper(object):
    """Says whether a parcel is large, written as OpenDevStack's template is."""

    def __init__(self):
        self.model = LogisticRegression()
        self.source_features = ["length", "width"]
        self.target_variable = "size"
        self.final_features = []

    def prep_and_predict(self, json_data):
        try:
            table = pd.DataFrame(json_data)
        except ValueError:
            table = pd.DataFrame(json_data, index=["0"])
        return {"prediction": self.model.predict(self._prepared(table).values).tolist()}

    def prep_and_train(self, df):
        prepared = self._prepared(df)
        self.final_features = prepared.columns
        self.model.fit(prepared.values, df[self.target_variable].values)

    def _prepared(self, table):
        table = table[self.source_features]
        return table.assign(area=table["length"] * table["width"])

    def save(self, filename):
        with open(filename, "wb") as file:
            joblib.dump(self, file)

    @classmethod
    def load(cls, filename):
        with open(filename, "rb") as file:
            return joblib.load(file)
