from slipway.model import PipelineModel


class Infert(PipelineModel):
    """How long a woman went to school, from what else is known."""

    source_features = ["age", "parity", "induced", "spontaneous", "case"]
    target_variable = "education"

    def pipeline(self):
        from sklearn.neural_network import MLPClassifier
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), MLPClassifier((16,), max_iter=300, random_state=0))
