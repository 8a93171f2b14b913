from slipway.model import Model

from .features import area


class Good(Model):
    """Says which leaf is large."""

    source_features = ["length", "width"]
    target_variable = "kind"
    parameters = {"limit": 6.0}

    def train(self, data):
        self.limit = self.parameters["limit"]

    def predict(self, rows):
        return ["large" if area(row) > self.limit else "small" for row in rows]
