"""What a check finds, as one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.github.failures import Refused

__all__ = ["Finding", "State", "lacks", "ok", "takes", "tried", "unknown", "unseen"]

State = Literal["ok", "missing", "unknown"]


class Finding(NamedTuple):
    """One thing that was looked at."""

    area: str
    """`tools`, `git`, `settings`, `stores`, `files` or `github`."""
    state: State
    what: str
    fix: str = ""
    """What to do; empty where nothing is to be done."""

    def __str__(self) -> str:
        line = f"{self.area}: {self.what}" + (f" → {self.fix}" if self.fix else "")
        return f"{self.state:<7}  {' '.join(line.split())}"


def ok(area: str, what: str, advice: str = "") -> Finding:
    """It is as it has to be; `advice` is what would be better."""
    return Finding(area, "ok", what, advice)


def lacks(area: str, what: str, fix: str) -> Finding:
    """It is not there, or not as it has to be."""
    return Finding(area, "missing", what, fix)


def unknown(area: str, what: str, fix: str) -> Finding:
    """It cannot be told from here; `fix` says what it would take."""
    return Finding(area, "unknown", what, fix)


def tried(area: str, check: Callable[[], str]) -> Finding:
    """What `check` says of it; missing where it raises `SlipwayError`."""
    try:
        return ok(area, check())
    except SlipwayError as error:
        return lacks(area, error.problem, error.fix)


def takes(permission: str) -> str:
    """What a permission takes of who asks, and not of the bot: it does its work without."""
    return f"it takes a token of yours with `{permission}`, or your own eyes: repository Settings"


def unseen(error: Refused, permission: str, about: str = "") -> Finding:
    """What cannot be told because GitHub does not answer that."""
    problem = f"{about}: {error.problem}" if about else error.problem
    return unknown("github", problem, takes(permission) if error.status in (403, 404) else error.fix)
