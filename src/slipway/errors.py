"""The one kind of error that a user is meant to see."""

__all__ = ["SlipwayError"]


class SlipwayError(Exception):
    """A mistake that the user can mend: what is wrong and where, and what to do next.

    The CLI prints it without a traceback and exits with status 1.
    """

    def __init__(self, problem: str, *, fix: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.problem}\n  → {self.fix}" if self.fix else self.problem
