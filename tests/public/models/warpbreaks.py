from slipway.model import PipelineModel


class Warpbreaks(PipelineModel):
    """How often a yarn breaks."""

    source_features = ["wool", "tension"]
    target_variable = "breaks"

    def pipeline(self):
        from sklearn.linear_model import PoissonRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder

        return make_pipeline(OneHotEncoder(drop="first"), PoissonRegressor(alpha=0.01))
