from slipway.model import Model


class First(Model):
    target_variable = "kind"


class Second(Model):
    target_variable = "kind"
