"""Saves plain values of each kind (the form `json`); its input and output are typed."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Literal

from slipway.model import InputError, Model, Range

if TYPE_CHECKING:
    from collections.abc import Sequence


class Size(StrEnum):
    """What is told of a parcel."""

    SMALL = "small"
    BIG = "big"


@dataclass
class Item:
    """What is known of a parcel."""

    weight: Annotated[float, Range(0, 100, "kg")]
    colour: Literal["red", "green"]
    height: float | None


class Parcel(Model):
    """Says by its weight how large a parcel is."""

    input = Item
    output = Size
    target_variable = "size"
    parameters = {"strict": True, "name": "post", "count": 3, "scale": 1.5}

    def train(self, data: Any) -> None:
        self.limits = {"red": (0.0, 50.0), "green": [1, 2.5, None], "seen": sorted(set(data["colour"].tolist()))}
        self.limit = 50.0

    def predict(self, rows: "Sequence[Any]") -> "Sequence[Any]":
        for place, row in enumerate(rows):
            if row.weight == 99.0:
                raise InputError("nothing weighs that", row=place, field="weight")
        assert self.limits["red"] == (0.0, self.limit)
        return [Size.BIG if row.weight > self.limit else Size.SMALL for row in rows]
