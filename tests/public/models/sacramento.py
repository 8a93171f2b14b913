from slipway.model import PipelineModel


class Sacramento(PipelineModel):
    """The price of a house in Sacramento."""

    source_features = ["city", "zip", "beds", "baths", "sqft", "type", "latitude", "longitude"]
    target_variable = "price"

    def pipeline(self):
        from sklearn.compose import make_column_transformer
        from sklearn.linear_model import Ridge
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, PolynomialFeatures, StandardScaler

        prepare = make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore", max_categories=12), ["city", "zip", "type"]),
            (KBinsDiscretizer(8, strategy="uniform"), ["latitude", "longitude"]),
            (make_pipeline(StandardScaler(), PolynomialFeatures(2, include_bias=False)), ["beds", "baths", "sqft"]),
        )
        return make_pipeline(prepare, Ridge())
