from slipway.model import PipelineModel


class Forest(PipelineModel):
    """Two hundred decision trees behind a scaler: a prediction takes far longer than the request."""

    source_features = [
        f"{which}{name}{error}"
        for which, error in (("mean_", ""), ("", "_error"), ("worst_", ""))
        for name in (
            "radius",
            "texture",
            "perimeter",
            "area",
            "smoothness",
            "compactness",
            "concavity",
            "concave_points",
            "symmetry",
            "fractal_dimension",
        )
    ]
    target_variable = "diagnosis"

    def pipeline(self):
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), RandomForestClassifier(n_estimators=200, random_state=0))
