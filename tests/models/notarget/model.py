from slipway.model import Model


class Aimless(Model):
    source_features = ["length"]
