"""Runs of a training, wherever they run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from slipway.model import Parameter

__all__ = ["OVER", "Parameter", "Run", "Runs"]

OVER = frozenset({"Succeeded", "Failed", "Error"})
"""The phases in which a run ends, as Argo calls them."""


class Run(NamedTuple):
    """One run of a model's training."""

    name: str
    """The record of its version has it as `training.run`."""
    phase: str
    """Pending, Running, Succeeded, Failed or Error."""
    message: str = ""
    """Why it failed, in the words of the step."""
    started: str | None = None
    """RFC 3339, UTC."""
    finished: str | None = None

    @property
    def is_over(self) -> bool:
        """Return whether the run has ended."""
        return self.phase in OVER


class Runs(Protocol):
    """The runs of one model's training. Every method raises `SlipwayError` when the place of the runs refuses."""

    def start(self, parameters: Mapping[str, Parameter], data: str | None) -> Run:
        """Start a run with these parameters, and on other data if some are given."""

    def last(self) -> Run | None:
        """Return the run that was started last, by anybody; None when none is left."""

    def under_way(self) -> Run | None:
        """Return a run that is not over; None when all are."""

    def find(self, name: str) -> Run | None:
        """Return the run of that name; None when there is none."""
