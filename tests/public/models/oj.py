from slipway.model import PipelineModel


class Oj(PipelineModel):
    """Which of two juices a customer buys."""

    source_features = ["WeekofPurchase", "StoreID", "PriceCH", "PriceMM", "DiscCH", "DiscMM", "LoyalCH", "Store7"]
    target_variable = "Purchase"

    def pipeline(self):
        from sklearn.compose import make_column_transformer
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import GridSearchCV
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, StandardScaler

        prepare = make_column_transformer(
            (OneHotEncoder(), ["StoreID", "Store7"]),
            (KBinsDiscretizer(5, strategy="uniform"), ["WeekofPurchase"]),
            remainder=StandardScaler(),
        )
        steps = make_pipeline(prepare, LogisticRegression(max_iter=1000))
        return GridSearchCV(steps, {"logisticregression__C": [0.1, 1.0]}, cv=3)
