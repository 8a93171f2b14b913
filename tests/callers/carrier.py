"""Who carries a parcel: a model that declares each part of its answers, truth values among them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from slipway.model import Model


@dataclass
class Order:
    weight: float
    express: bool


@dataclass
class Carriage:
    carrier: Literal["bike", "van"]
    late: bool
    days: int


class Carrier(Model):
    """Chooses a carrier, and estimates when the parcel is there."""

    input = Order
    output = Carriage

    def train(self, data: Any) -> None:
        self.heaviest = float(data["weight"][data["carrier"] == "bike"].max())

    def predict(self, orders: list[Order]) -> list[Carriage]:
        return [self._answer(order) for order in orders]

    def _answer(self, order: Order) -> Carriage:
        is_light = order.weight <= self.heaviest
        return Carriage("bike" if is_light else "van", not is_light, 1 if order.express else 3)
