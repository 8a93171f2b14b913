"""Rows that a model refuses: found one by one, so that all others are answered."""

from typing import TYPE_CHECKING, Any

from slipway.model import InputError

if TYPE_CHECKING:
    from slipway.artifacts.loading import Loaded

__all__ = ["REFUSED", "each"]


class _Refused:
    """Stands for a row that the model does not answer."""

    def __repr__(self) -> str:
        return "refused"


REFUSED = _Refused()


def each(loaded: "Loaded", rows: list[Any]) -> list[Any]:
    """The answer to each row, or `REFUSED`: all at once and, where a row is refused, in halves."""
    try:
        return loaded.answer(rows)
    except InputError:
        if len(rows) == 1:
            return [REFUSED]
    middle = len(rows) // 2
    return [*each(loaded, rows[:middle]), *each(loaded, rows[middle:])]
