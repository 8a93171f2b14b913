"""Markdown that is cut to what GitHub takes."""

import re
from typing import NamedTuple

__all__ = ["MOST", "fit"]

MOST = 65_536
"""Characters that the body of a pull request or a comment may have."""

_FENCE = re.compile(r" {0,3}(`{3,100}(?!.*`)|~{3,100})(.*)")
_DETAILS = re.compile(r"<(/?)details\b", re.IGNORECASE)
_NOTE = "\n\n> *Cut here: the whole is longer than GitHub takes.*\n"
# The note, the ends of a fence and of some nested details.
_ROOM = 400
_MOST_ENDS = 20
# One that is cut itself: without it most of the text could go.
_LONG_LINE = 2_000


class _Open(NamedTuple):
    """What is open at the end of a line: the fence, or "", and how many <details>."""

    fence: str
    details: int


def fit(text: str, most: int = MOST) -> str:
    """`text` itself, or as many whole lines as `most` characters hold, properly closed, and a note that says so."""
    if len(text) <= most:
        return text
    kept: list[str] = []
    room, open_ = most - _ROOM, _Open("", 0)
    for line in text.splitlines(keepends=True):
        if len(line) > room:
            kept.append(line[:room] if len(line) > _LONG_LINE else "")
            break
        kept.append(line)
        room, open_ = room - len(line), _after(open_, line)
    ends = (f"\n{open_.fence}" if open_.fence else "") + "\n</details>" * min(open_.details, _MOST_ENDS)
    return "".join(kept).rstrip("\n") + ends + _NOTE


def _after(open_: _Open, line: str) -> _Open:
    match = _FENCE.match(line)
    if open_.fence:
        closes = match is not None and match[1].startswith(open_.fence) and not match[2].strip()
        return _Open("", open_.details) if closes else open_
    if match is not None:
        return _Open(match[1], open_.details)
    change = sum(-1 if slash else 1 for slash in _DETAILS.findall(line))
    return _Open("", max(open_.details + change, 0))
