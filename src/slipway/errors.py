"""Errors that are meant for users."""

from __future__ import annotations


class SlipwayError(Exception):
    """Say what is wrong and where, and what the user can do next.

    The CLI prints it without a traceback and exits with status 1.
    """

    def __init__(self, problem: str, *, fix: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.problem}\n  → {self.fix}" if self.fix else self.problem


class OutOfReach(SlipwayError):  # noqa: N818 - said of a place, and read as that
    """Say that a place cannot be reached now, but may be later; the CLI exits with status 75 (`EX_TEMPFAIL`)."""
