from slipway.model import PipelineModel


class Pbc(PipelineModel):
    """The stage of a disease of the liver."""

    source_features = ["age", "sex", "ascites", "hepato", "bili", "chol", "albumin", "copper", "platelet", "protime"]
    target_variable = "stage"

    def read(self, path):
        return super().read(path).dropna(subset=["stage"]).astype({"stage": int}).reset_index(drop=True)

    def pipeline(self):
        from sklearn.compose import make_column_transformer
        from sklearn.ensemble import ExtraTreesClassifier
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder

        gaps = SimpleImputer(strategy="median", add_indicator=True)
        prepare = make_column_transformer((OneHotEncoder(), ["sex"]), remainder=gaps)
        return make_pipeline(prepare, ExtraTreesClassifier(60, random_state=0))
