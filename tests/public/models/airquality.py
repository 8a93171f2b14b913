from slipway.model import PipelineModel


class Airquality(PipelineModel):
    """Ozone in New York, in parts per billion."""

    source_features = ["Solar.R", "Wind", "Temp", "Month"]
    target_variable = "Ozone"

    def read(self, path):
        return super().read(path).dropna(subset=["Ozone"]).reset_index(drop=True)

    def pipeline(self):
        from sklearn.ensemble import HistGradientBoostingRegressor

        return HistGradientBoostingRegressor(max_iter=30, min_samples_leaf=5, random_state=0)
