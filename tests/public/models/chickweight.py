from slipway.model import PipelineModel


class Chickweight(PipelineModel):
    """The weight of a chick in grams, from its age in days and its food."""

    source_features = ["Time", "Diet"]
    target_variable = "weight"

    def pipeline(self):
        from sklearn.compose import make_column_transformer
        from sklearn.ensemble import RandomForestRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder

        prepare = make_column_transformer((OneHotEncoder(), ["Diet"]), remainder="passthrough")
        return make_pipeline(prepare, RandomForestRegressor(40, random_state=0))
