from slipway.model import PipelineModel

TEXTS = ["maritl", "race", "education", "jobclass", "health", "health_ins"]


class Wage(PipelineModel):
    """The wage of a man in the middle of the Atlantic coast of the United States."""

    source_features = ["year", "age", *TEXTS]
    target_variable = "wage"

    def pipeline(self):
        from sklearn.compose import make_column_transformer
        from sklearn.ensemble import GradientBoostingRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder

        rare = OneHotEncoder(min_frequency=50, handle_unknown="infrequent_if_exist")
        prepare = make_column_transformer((rare, TEXTS), remainder="passthrough")
        return make_pipeline(prepare, GradientBoostingRegressor(random_state=0))
