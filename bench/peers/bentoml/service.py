"""Serve a model with one service and one method, as in the guide of BentoML."""

import os
from typing import Any

import bentoml
import joblib


@bentoml.service
class Service:
    def __init__(self) -> None:
        self.model = joblib.load(os.environ["MODEL"])

    @bentoml.api
    def predict(self, rows: list[list[float]]) -> list[Any]:
        return self.model.predict(rows).tolist()
