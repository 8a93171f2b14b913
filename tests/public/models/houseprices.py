from slipway.model import PipelineModel

ANSWERS = ["driveway", "recreation", "fullbase", "gasheat", "aircon", "prefer"]


class Houseprices(PipelineModel):
    """The price of a house in Windsor, in Canadian dollars."""

    source_features = ["lotsize", "bedrooms", "bathrooms", "stories", "garage", *ANSWERS]
    target_variable = "price"

    def pipeline(self):
        from sklearn.compose import make_column_transformer
        from sklearn.ensemble import RandomForestRegressor, VotingRegressor
        from sklearn.linear_model import LinearRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OrdinalEncoder

        prepare = make_column_transformer((OrdinalEncoder(), ANSWERS), remainder="passthrough")
        forest = RandomForestRegressor(40, random_state=0)
        return make_pipeline(prepare, VotingRegressor([("line", LinearRegression()), ("forest", forest)]))
