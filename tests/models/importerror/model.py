from slipway.model import Model

from model.importerror.limits import LIMIT


class Broken(Model):
    limit = LIMIT
