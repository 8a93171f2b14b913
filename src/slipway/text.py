"""Text that people read: shortened, quoted, on one line, harmless to a terminal, and compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import unified_diff

__all__ = ["counted", "cut", "listed", "one_line", "printable", "quoted", "unified"]

_MOST = 60
_MOST_BYTES = 400_000
"""To compare a longer file takes minutes, and nobody reads it."""


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


def unified(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> str:
    """Return the unified diff of files by their path; a file without text, or a very long one, is only named."""
    return "\n".join(
        text
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
        for text in _file_diff(path, before.get(path), after.get(path))
    )


def _file_diff(path: str, before: bytes | None, after: bytes | None) -> list[str]:
    sides = []
    for side in (before, after):
        try:
            text = (side or b"").decode()
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text or len(side or b"") > _MOST_BYTES:
            return [f"--- {path}", f"+++ {path}", "@@ no text, or too long to compare @@"]
        sides.append(text.splitlines())
    names = (path if before is not None else "/dev/null", path if after is not None else "/dev/null")
    found = list(unified_diff(sides[0], sides[1], names[0], names[1], lineterm=""))
    return found or [f"--- {names[0]}", f"+++ {names[1]}", "@@ only in how lines end @@"]
