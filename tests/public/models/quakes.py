from slipway.model import PipelineModel


class Quakes(PipelineModel):
    """The magnitude of an earthquake near Fiji."""

    source_features = ["lat", "long", "depth", "stations"]
    target_variable = "mag"

    def pipeline(self):
        from sklearn.neighbors import KNeighborsRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import MinMaxScaler

        return make_pipeline(MinMaxScaler(clip=True), KNeighborsRegressor(7))
