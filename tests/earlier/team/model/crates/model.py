"""Derives from `slipway.wrapped.ModelWrapper`: it is asked with a DataFrame."""

from typing import Any

from slipway.wrapped import ModelWrapper


class Crates(ModelWrapper):
    """Says how much is in a crate."""

    source_features = ["length", "colour"]
    target_variable = "content"
    parameters = {"factor": 2.0}

    def prep_and_train(self, data: Any) -> None:
        self.rate = float((data["content"] / data["length"]).mean())

    def prep_and_predict(self, data: Any) -> Any:
        return data[["length"]] * self.rate * self.parameters["factor"] / 2
