from slipway.model import PipelineModel

CUTS = ["Fair", "Good", "Very Good", "Premium", "Ideal"]
COLORS = list("JIHGFED")
CLARITIES = ["I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"]


class Diamonds(PipelineModel):
    """The price of a diamond in dollars."""

    source_features = ["carat", "cut", "color", "clarity", "depth", "table", "x", "y", "z"]
    target_variable = "price"

    def pipeline(self):
        from sklearn.compose import make_column_transformer
        from sklearn.ensemble import HistGradientBoostingRegressor
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OrdinalEncoder

        order = OrdinalEncoder(categories=[CUTS, COLORS, CLARITIES])
        prepare = make_column_transformer((order, ["cut", "color", "clarity"]), remainder="passthrough")
        return make_pipeline(prepare, HistGradientBoostingRegressor(max_iter=60, random_state=0))
