from dataclasses import dataclass

from slipway.model import Model


@dataclass
class Leaf:
    lengths: list[float]


class Listed(Model):
    input = Leaf
    target_variable = "kind"

    def train(self, data):
        pass

    def predict(self, rows):
        return []
