"""A `PipelineModel` that becomes a graph (the form `onnx`)."""

from typing import Any

from slipway.model import PipelineModel


class Wine(PipelineModel):
    """Says which kind of wine it is."""

    source_features = ["alcohol", "acidity"]
    target_variable = "kind"
    parameters = {"c": 1.0}

    def pipeline(self) -> Any:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), LogisticRegression(C=self.parameters["c"]))
