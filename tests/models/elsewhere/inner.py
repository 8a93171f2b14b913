from slipway.model import Model


class Inner(Model):
    target_variable = "kind"
