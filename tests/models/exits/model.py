import sys

from slipway.model import Model

sys.exit("usage: model.py DATA")
