import lightgradientforest
from slipway.model import Model
