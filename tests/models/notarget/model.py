from slipway.model import Model


class Aimless(Model):
    source_features = ["length"]
    target_variable = 3
