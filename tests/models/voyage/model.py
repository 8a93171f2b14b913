from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from slipway.model import InputError, Length, Model, Named, Range


@dataclass
class Voyage:
    """Each kind of field, and names that are none in Python."""

    day: date
    left: datetime
    due: Annotated[datetime, UTC]
    place: Annotated[list[float], Length(2), Range(-180, 180)]
    ship: Annotated[Literal["Blåhval", "Otter", "Ærfugl"], Named("class")]
    depth: Annotated[float | None, Range(0, 11_000, unit="m"), Named("Tiefe (m)")]
    note: str | None = None
    crew: Annotated[int, Range(1, 500)] = 1
    night: bool = False


class Hours(Model):
    """Estimates the hours of a voyage, and tells all kinds of things beside them."""

    input = Voyage
    output = float
    target_variable = "hours"
    waits = False

    def train(self, data: Any) -> None:
        self.mean = float(data["hours"].mean())

    def predict(self, voyages: list[Voyage]) -> list[dict[str, Any]]:
        return [self._answer(number, voyage) for number, voyage in enumerate(voyages)]

    def _answer(self, number: int, voyage: Voyage) -> dict[str, Any]:
        if voyage.left.date() < voyage.day:
            raise InputError("is before the day", row=number, field="left")
        return {
            "hours": self.mean + voyage.place[0] / 1000,
            "late": voyage.due.date() > voyage.day,
            "ship": voyage.ship,
            "note": voyage.note if isinstance(voyage.note, str) else None,
            "place": voyage.place,
            "parts": {"crew": float(voyage.crew), "depth": None if voyage.depth != voyage.depth else voyage.depth},
            "why": [{"reason": "mean", "share": 1.0}],
        }
