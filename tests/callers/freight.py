"""What a parcel costs: a model with all that a schema can have, and with answers that say more than the target."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from slipway.model import Length, Model, Range


class Wrapping(enum.Enum):
    PAPER = "paper"
    BOX = "box"


@dataclass
class Parcel:
    weight: Annotated[float, Range(0, 40, unit="kg", description="of all")]
    wrapping: Wrapping
    zone: Literal[1, 2, 3]
    sent: date
    packed: datetime
    due: Annotated[datetime, UTC]
    sides: Annotated[list[float], Length(3)]
    fragile: bool | None
    note: str | None
    pieces: Annotated[int, Range(1, 20)] = 1


class Freight(Model):
    """Estimates what a parcel costs, and says why."""

    input = Parcel
    output = float
    target_variable = "price"

    def train(self, data: Any) -> None:
        self.rate = float((data["price"] / data["weight"]).mean())

    def predict(self, parcels: list[Parcel]) -> list[dict[str, Any]]:
        return [self._answer(parcel) for parcel in parcels]

    def _answer(self, parcel: Parcel) -> dict[str, Any]:
        price = self.rate * parcel.weight * parcel.zone
        return {
            "price": price,
            "heavy": parcel.weight > 20,
            "per_piece": [price / parcel.pieces] * parcel.pieces,
            "parts": {"weight": self.rate * parcel.weight, "zone": float(parcel.zone)},
            "why": [{"reason": "weight", "share": 1.0}],
            "hint": "wrap it well" if parcel.fragile else None,
        }
