"""Text that people read or write: shortened, quoted, harmless to a terminal, compared, split; and times as text."""

from __future__ import annotations

import re
import shlex
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, time
from difflib import unified_diff

from slipway.errors import SlipwayError

_TIME = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)?)?")

_UNPLAIN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
# Joiners of letters and emoji, the soft hyphen, and the tags in flags.
_JOINING = {"\u200c", "\u200d", "\u00ad", *map(chr, range(0xE0020, 0xE0080))}

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
    if text.isprintable():  # as nearly every line is; letter by letter takes a hundred times as long
        return text
    return "".join(letter if is_plain(letter) or letter == "\t" else "\ufffd" for letter in text)


def is_plain(text: str) -> bool:
    """Return True for one line of what people write, in any language, with no-break spaces and joined emoji.

    What ends a line, steers a terminal, turns the direction of writing or cannot be stored is not plain.
    """
    return all(unicodedata.category(letter) not in _UNPLAIN or letter in _JOINING for letter in text)


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


def pairs(texts: Iterable[str], option: str) -> dict[str, str]:
    """Read NAME=VALUE texts; raise `SlipwayError` for any other text, and for a name that is given twice."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise SlipwayError(f"{option} {quoted(text)} is not NAME=VALUE", fix="write it like stage=blue")
        if name in found:
            twice = f"{option} {cut(name)} is given twice: {quoted(found[name])} and {quoted(value)}"
            raise SlipwayError(twice, fix="keep one of them")
        found[name] = value
    return found


def words(text: str, option: str) -> list[str]:
    """Split a text into words as a shell does; raise `SlipwayError` for a quotation mark without its pair."""
    try:
        return shlex.split(text)
    except ValueError as error:
        fix = "write it as for a shell: c=0.5 name='a b'"
        raise SlipwayError(f"{option} {quoted(text)} cannot be divided into words: {error}", fix=fix) from error


def parse_time(text: str) -> datetime:
    """Read RFC 3339, `2026-11-21 10:00` (the time zone is this machine's), or a date, which stands for its end.

    Raise `SlipwayError` for anything else.
    """
    try:
        if not _TIME.fullmatch(text):
            raise ValueError("not one of the forms")
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SlipwayError(
            f"{text!r} is not a time ({error})", fix="write 2026-11-21, '2026-11-21 10:00' or 2026-11-21T10:00:00Z"
        ) from error
    if len(text) == len("2026-11-21"):
        moment = datetime.combine(moment.date(), time(23, 59, 59))
    return moment if moment.tzinfo else moment.astimezone()


def format_time(moment: datetime) -> str:
    """Return the moment in UTC, RFC 3339, seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
