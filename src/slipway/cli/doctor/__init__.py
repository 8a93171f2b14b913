"""`slipway doctor`: check what a repository needs around it, and change nothing. Each module checks one area."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.github.failures import Refused

State = Literal["ok", "missing", "unknown"]


class Finding(NamedTuple):
    """Hold the state of one thing that was checked."""

    area: str
    """`tools`, `git`, `settings`, `stores`, `files` or `github`."""
    state: State
    what: str
    fix: str = ""
    """Advice; empty where there is nothing to do."""

    def __str__(self) -> str:
        line = f"{self.area}: {self.what}" + (f" → {self.fix}" if self.fix else "")
        return f"{self.state:<7}  {' '.join(line.split())}"


def ok(area: str, what: str, advice: str = "") -> Finding:
    """Return the finding that a thing is in order; `advice` says what would be better."""
    return Finding(area, "ok", what, advice)


def missing(area: str, what: str, fix: str) -> Finding:
    """Return the finding that a thing is absent or wrong."""
    return Finding(area, "missing", what, fix)


def either(area: str, holds: bool, good: str, bad: str, fix: str) -> Finding:
    """Return the finding `good` if a thing is in order, and `bad` with its fix if not."""
    return ok(area, good) if holds else missing(area, bad, fix)


def unknown(area: str, what: str, fix: str) -> Finding:
    """Return the finding that a thing cannot be seen from here; `fix` says what is needed for that."""
    return Finding(area, "unknown", what, fix)


def tried(area: str, check: Callable[[], str]) -> Finding:
    """Return what `check` returns as in order; as missing where it raises `SlipwayError`."""
    try:
        return ok(area, check())
    except SlipwayError as error:
        return missing(area, error.problem, error.fix)


def by_token(permission: str) -> str:
    """Return the advice to use a token with this permission; the bot does its work without."""
    return f"use a token of yours with `{permission}`, or look yourself: repository Settings"


def unreadable(error: Refused, permission: str, about: str = "") -> Finding:
    """Return the finding that GitHub does not tell the state of a thing."""
    problem = f"{about}: {error.problem}" if about else error.problem
    return unknown("github", problem, by_token(permission) if error.status in (403, 404) else error.fix)
