from slipway.model import Model
