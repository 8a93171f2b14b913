"""As BentoML's guide has it: one service, one method."""

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
