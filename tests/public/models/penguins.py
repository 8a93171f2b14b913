from slipway.model import PipelineModel

NUMBERS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]


class Penguins(PipelineModel):
    """The species of a penguin, from its measurements."""

    source_features = [*NUMBERS, "island", "sex"]
    target_variable = "species"

    def pipeline(self):
        from sklearn.compose import make_column_transformer
        from sklearn.impute import SimpleImputer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler

        prepare = make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
            (OneHotEncoder(handle_unknown="ignore"), ["island", "sex"]),
        )
        return make_pipeline(prepare, LogisticRegression(max_iter=1000))
