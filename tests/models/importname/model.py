from slipway.model import Modell
