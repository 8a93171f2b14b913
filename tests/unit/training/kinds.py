"""Models for the tests of conversion; a test sets the estimator."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from slipway.model import InputError, Model, PipelineModel


class Rows(Model):
    """A model that hands rows of numbers to its estimator."""

    source_features = ("a", "b", "c", "d")
    target_variable = "y"

    def predict(self, rows):
        return self.estimator.predict(self.prepared(rows)).tolist()

    def train(self, data):
        self.estimator.fit(self.prepared(data.to_dict("records")), data["y"].tolist())

    def prepared(self, rows):
        return [[row[name] for name in self.source_features] for row in rows]


class Sure(Rows):
    """A model that answers with probabilities."""

    def predict(self, rows):
        given = self.prepared(rows)
        sure = self.estimator.predict_proba(given)
        labels = self.estimator.predict(given)
        return [
            {"y": label, "sure": dict(zip(map(str, self.estimator.classes_), values, strict=True))}
            for label, values in zip(labels.tolist(), sure.tolist(), strict=True)
        ]


class Scores(Rows):
    """A model that answers with the scores of its decision."""

    def predict(self, rows):
        return self.estimator.decision_function(self.prepared(rows)).tolist()


class Curious(Rows):
    """A model that reads the trees of its estimator, which a graph does not have."""

    def predict(self, rows):
        return self.estimator.estimators_[0].predict(self.prepared(rows)).tolist()


class Taking(Rows):
    """A model that calls the steps of its pipeline."""

    def predict(self, rows):
        return self.estimator[-1].predict(self.estimator[0].transform(self.prepared(rows))).tolist()


class Two(Rows):
    """A model with two estimators: one prepares, one predicts."""

    def predict(self, rows):
        return self.estimator.predict(self.scaler.transform(self.prepared(rows))).tolist()

    def train(self, data):
        self.scaler = StandardScaler().fit(data[list(self.source_features)].to_numpy())
        self.estimator = RandomForestClassifier(5, random_state=0)
        self.estimator.fit(self.scaler.transform(self.prepared(data.to_dict("records"))), data["y"].tolist())


class Several(Rows):
    """A model that keeps its estimators in a list."""

    def train(self, data):
        self.estimators = [LogisticRegression(max_iter=500).fit(self.prepared(data.to_dict("records")), data["y"])]

    def predict(self, rows):
        return self.estimators[0].predict(self.prepared(rows)).tolist()


class Idle(Rows):
    """A model that does not use its estimator."""

    def predict(self, rows):
        return [0 for _ in rows]


class Pair(Rows):
    """A model that predicts two numbers."""

    def train(self, data):
        given = self.prepared(data.to_dict("records"))
        self.estimator.fit(given, [[value, 2 * value] for value in data["y"].tolist()])

    def predict(self, rows):
        found = self.estimator.predict(self.prepared(rows))
        return [{"y": value, "other": other} for value, other in found.tolist()]


class Refusing(Rows):
    """A model that refuses impossible rows."""

    def predict(self, rows):
        for number, row in enumerate(rows):
            if row["a"] > 7.5:
                raise InputError("is too long", row=number, field="a")
        return super().predict(rows)


class Table(PipelineModel):
    """A pipeline that takes columns by name."""

    source_features = ("a", "b", "kind")
    target_variable = "y"

    def pipeline(self):
        numbers = make_pipeline(SimpleImputer(), StandardScaler())
        prepare = make_column_transformer((numbers, ["a", "b"]), (OneHotEncoder(), ["kind"]))
        return make_pipeline(prepare, LogisticRegression(max_iter=500))


class Given(PipelineModel):
    """An estimator that takes the whole table."""

    source_features = ("a", "b")
    target_variable = "y"

    def __init__(self, estimator=None):
        super().__init__()
        self._estimator = estimator

    def pipeline(self):
        return self._estimator


class Filling(Table):
    """A pipeline that fills in missing texts."""

    def pipeline(self):
        texts = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder())
        prepare = make_column_transformer((SimpleImputer(), ["a", "b"]), (texts, ["kind"]))
        return make_pipeline(prepare, LogisticRegression(max_iter=500))


class Words(PipelineModel):
    """A pipeline that counts the words of a text."""

    source_features = ("text",)
    target_variable = "y"

    def pipeline(self):
        words = make_column_transformer((CountVectorizer(lowercase=False), "text"))
        return make_pipeline(words, LogisticRegression(max_iter=500))


class Doubled(TransformerMixin, BaseEstimator):
    """A transformer of the model's module."""

    def fit(self, values, target=None):  # noqa: ARG002 - scikit-learn's signature
        self.fitted_ = True
        return self

    def transform(self, values):
        return np.asarray(values) * 2
