from slipway.model import PipelineModel


class Auto(PipelineModel):
    """Miles per gallon of a car."""

    source_features = ["cylinders", "displacement", "horsepower", "weight", "acceleration", "year", "origin"]
    target_variable = "mpg"

    def pipeline(self):
        from sklearn.compose import make_column_transformer
        from sklearn.linear_model import Ridge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        prepare = make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["cylinders", "origin"]), remainder=StandardScaler()
        )
        return make_pipeline(prepare, Ridge())
