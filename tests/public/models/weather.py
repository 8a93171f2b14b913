from slipway.model import PipelineModel


class Weather(PipelineModel):
    """The temperature at an airport, from the hour and the air."""

    source_features = ["origin", "month", "hour", "dewp", "humid", "wind_speed", "pressure", "visib"]
    target_variable = "temp"

    def read(self, path):
        return super().read(path).dropna(subset=["temp"]).reset_index(drop=True)

    def pipeline(self):
        from sklearn.compose import make_column_transformer
        from sklearn.ensemble import HistGradientBoostingRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OrdinalEncoder

        prepare = make_column_transformer((OrdinalEncoder(), ["origin"]), remainder="passthrough")
        return make_pipeline(prepare, HistGradientBoostingRegressor(random_state=0))
