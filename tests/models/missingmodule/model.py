from model.common.nothing import LIMIT
from slipway.model import Model
