from slipway.model import PipelineModel

NUMBERS = ["AtBat", "Hits", "HmRun", "Runs", "RBI", "Walks", "Years", "CAtBat", "CHits", "CHmRun", "CRuns", "CRBI"]


class Hitters(PipelineModel):
    """What a baseball player earns, in thousands of dollars."""

    source_features = [*NUMBERS, "League", "Division"]
    target_variable = "Salary"

    def read(self, path):
        return super().read(path).dropna(subset=["Salary"]).reset_index(drop=True)

    def pipeline(self):
        import numpy as np
        from sklearn.compose import TransformedTargetRegressor, make_column_transformer
        from sklearn.linear_model import LassoCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, RobustScaler

        prepare = make_column_transformer((RobustScaler(), NUMBERS), (OneHotEncoder(), ["League", "Division"]))
        lasso = make_pipeline(prepare, LassoCV(random_state=0, max_iter=20000))
        return TransformedTargetRegressor(lasso, func=np.log, inverse_func=np.exp)
