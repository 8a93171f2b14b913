from slipway.model import PipelineModel


class Carseats(PipelineModel):
    """Sales of car seats in a shop, in thousands."""

    source_features = ["CompPrice", "Income", "Advertising", "Population", "Price", "ShelveLoc", "Age", "Urban", "US"]
    target_variable = "Sales"

    def pipeline(self):
        from sklearn.compose import make_column_transformer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OrdinalEncoder
        from sklearn.tree import DecisionTreeRegressor

        codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        prepare = make_column_transformer((codes, ["ShelveLoc", "Urban", "US"]), remainder="passthrough")
        return make_pipeline(prepare, DecisionTreeRegressor(min_samples_leaf=5, random_state=0))
