from slipway.model import Model

from model.syntaxerror.limits import LIMIT
