"""Text that people read: shortened, quoted, on one line, and harmless to a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["counted", "cut", "listed", "one_line", "printable", "quoted"]

_MOST = 60


def cut(text: str, most: int = _MOST) -> str:
    """Return `text`, or its beginning with an ellipsis: at most `most` characters."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def quoted(value: object, most: int = _MOST) -> str:
    """Return a value as Python writes it, cut."""
    # No more of a long text is escaped than is shown.
    return cut(repr(value[: most + 1] if isinstance(value, str) else value), most)


def one_line(text: str) -> str:
    """Return `text` printable and on one line; a runner takes lines that begin with :: for commands."""
    return printable(" ".join(text.split()))


def printable(text: str) -> str:
    """Return `text` with a mark for each character that could steer a terminal; tabs stay."""
    return "".join(letter if letter.isprintable() or letter == "\t" else "\ufffd" for letter in text)


def listed(words: Sequence[str], most: int, last: str = " and ") -> str:
    """Return the first `most` words, and how many more there are: `a, b and 3 more`."""
    more = f"{last}{len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + more


def counted(number: int, word: str) -> str:
    """Return `1 row` or `3 rows`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
