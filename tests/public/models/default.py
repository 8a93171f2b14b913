from slipway.model import Model


class Default(Model):
    """Whether a customer fails to pay, and how likely that is."""

    source_features = ["student", "balance", "income"]
    target_variable = "default"

    def train(self, data):
        from sklearn.compose import make_column_transformer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        prepare = make_column_transformer(
            (OneHotEncoder(drop="if_binary"), ["student"]), (StandardScaler(), ["balance", "income"])
        )
        self.classifier = make_pipeline(prepare, LogisticRegression())
        self.classifier.fit(data[list(self.source_features)], data["default"])

    def predict(self, rows):
        import pandas as pd

        table = pd.DataFrame(rows)
        likely = self.classifier.predict_proba(table)[:, 1]
        labels = self.classifier.predict(table)
        return [
            {"default": str(label), "probability": float(share)} for label, share in zip(labels, likely, strict=True)
        ]
