class ModelWrapper:
    """How much is in a box."""

    source_features = ["length", "width", "colour"]
    target_variable = "content"

    def __init__(self, factor=1.0):
        self.factor = factor

    def prep_and_train(self, data):
        self.rate = self.factor * float((data["content"] / self._area(data)).mean())

    def prep_and_predict(self, data):
        return self._area(data) * self.rate

    def _area(self, data):
        return data["length"] * data["width"]
