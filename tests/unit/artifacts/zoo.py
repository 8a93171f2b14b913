"""Small models for the tests of this folder, and what an attacker would like to find in a model's module."""

from datetime import timedelta
from enum import StrEnum
from subprocess import run  # noqa: F401 - a name that is in this module and not of it
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin

from slipway.artifacts import Golden
from slipway.model import Model
from slipway.schema import Field, Schema

SCHEMA = Schema(fields=(Field(name="x", kind="number"),), target=Field(name="y", kind="number"))
GOLDEN = Golden(rows=[{"x": 1.0}, {"x": 2.0}], predictions=[2.0, 4.0])

CALLED: list[Any] = []


class Colour(StrEnum):
    """A subclass of text."""

    RED = "red"


class Clip(TransformerMixin, BaseEstimator):
    """A transformer of the model's module."""

    def fit(self, values, target=None):  # noqa: ARG002 - scikit-learn's signature
        self.low_, self.high_ = np.min(values, axis=0), np.max(values, axis=0)
        self.names_ = {"low", "high", "middle"}
        return self

    def transform(self, values):
        return np.clip(values, self.low_, self.high_)


def with_squares(values):
    """A function of the model's module."""
    return np.hstack([values, np.square(values)])


def trap(*arguments):
    """A function that a part may hold, and that loading must not call."""
    CALLED.append(arguments)
    return str(arguments)


class Simple(Model):
    """A model that multiplies by its parameter, and saves the attributes that a test sets."""

    source_features = ("x",)
    target_variable = "y"
    parameters = {"factor": 2.0}  # noqa: RUF012 - as a model is written

    def train(self, data):
        raise NotImplementedError

    def predict(self, rows):
        return [row["x"] * self.parameters["factor"] for row in rows]


class Waiting(Simple):
    """A model that trusts a class of another library."""

    trusted_types = ("datetime.timedelta",)


PAUSE = timedelta(seconds=3)
