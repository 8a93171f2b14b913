"""A training as the service sees it, wherever it runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

__all__ = ["OVER", "Parameter", "Run", "Runs"]

Parameter = bool | int | float | str

OVER = frozenset({"Succeeded", "Failed", "Error"})
"""The phases in which a run ends, as Argo calls them."""


class Run(NamedTuple):
    """One run of a model's training."""

    name: str
    """The version that comes of it has it as `training.run` in its record."""
    phase: str
    """Pending, Running, Succeeded, Failed or Error."""
    message: str = ""
    """What failed, in the words of the step."""
    started: str | None = None
    """RFC 3339, UTC."""
    finished: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes of it."""
        return self.phase in OVER


class Runs(Protocol):
    """The runs of one model's training. Every method raises `SlipwayError` when the place that has them refuses."""

    def start(self, parameters: Mapping[str, Parameter], data: str | None) -> Run:
        """Start a run with these parameters, and on other data where some are given."""

    def last(self) -> Run | None:
        """The run that was started last, by whomever; None when there is none any more."""

    def under_way(self) -> Run | None:
        """A run that is not over; None when all are."""

    def find(self, name: str) -> Run | None:
        """The run of that name; None when there is none."""
