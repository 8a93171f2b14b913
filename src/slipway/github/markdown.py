"""Markdown for GitHub from untrusted text, which never becomes markup, a mention or a link."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush

from msgspec import Struct

from slipway.text import cut

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")
_LONGEST_LINE = 400


class Section(Struct, frozen=True):
    """Hold a part of a body in several forms, from the longest to the shortest."""

    forms: tuple[str, ...]


def code(text: object, most: int = 80) -> str:
    """Return at most `most` characters of `text` as code on one line."""
    line = cut(_CONTROL.sub(" ", str(text)).strip() or " ", most)
    ticks = _ticks(line, 1)
    edge = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{edge}{line}{edge}{ticks}"


def _ticks(text: str, least: int) -> str:
    """Return backticks that the text does not contain."""
    return "`" * max(least, 1 + max(map(len, re.findall("`+", text)), default=0))


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, align: str = "l", most: int = 60) -> str:
    """Return a table of cells in markdown. `align` has l or r for each column; the last one is for the rest."""
    marks = {"l": ":--", "r": "--:"}
    lines = [_row(heads), _row([marks[align[min(place, len(align) - 1)]] for place in range(len(heads))])]
    shown = list(rows)
    lines += [_row(row) for row in shown[:most]]
    note = [] if len(shown) <= most else ["", f"… and {len(shown) - most} more."]
    return "\n".join([*lines, *note])


def details(summary: str, content: str) -> str:
    """Return a section that a reader opens. `summary` is HTML."""
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>"


def fence(text: str, language: str = "", most: int | None = None) -> str:
    """Return at most `most` lines of `text` as a block of code, with a note if lines are cut."""
    lines = text.splitlines()
    kept = [_plain(line) for line in lines[:most]]
    ticks = _ticks("\n".join(kept), 3)
    note = f"\n\n… and {len(lines) - len(kept)} more lines." if len(kept) < len(lines) else ""
    return "\n".join([f"{ticks}{language}", *kept, ticks]) + note


def folded(summary: str, diff: str, *, lead: str = "", most: Sequence[int | None] = (1500, 400, 100, 20)) -> Section:
    """Return a diff that a reader opens, in shorter and shorter forms. The last form only says that it is left out."""
    parts = [lead] if lead else []
    forms = [details(summary, "\n\n".join([*parts, fence(diff, "diff", each)])) for each in most]
    return Section((*forms, f"{summary}: left out, it is too long."))


def fitted(sections: Sequence[Section], most: int) -> str:
    """Return all sections, one below the other, in the longest forms that fit into `most` characters together.

    Shorten the longest section first, until all fit or each has its shortest form.
    """
    chosen = [list(section.forms) for section in sections]
    # The sum is kept: to join hundreds of long sections after each step takes minutes.
    size = sum(_size(forms[0]) for forms in chosen)
    longest = [(-len(forms[0]), at) for at, forms in enumerate(chosen) if len(forms) > 1]
    heapify(longest)
    while size - 1 > most and longest:
        _, at = heappop(longest)
        size -= _size(chosen[at].pop(0)) - _size(chosen[at][0])
        if len(chosen[at]) > 1:
            heappush(longest, (-len(chosen[at][0]), at))
    return "\n\n".join(forms[0] for forms in chosen if forms[0]) + "\n"


def _size(form: str) -> int:
    """Return the length of a form with the empty line that parts it from the next one."""
    return len(form) + 2 if form else 0


def _row(cells: Sequence[str]) -> str:
    # A backslash in the text before a bar would cancel the backslash that escapes the bar.
    escaped = [cell.replace("\\|", "\\ |").replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"


def _plain(line: str) -> str:
    return _CONTROL.sub("�", cut(line, _LONGEST_LINE).replace("\t", "    "))


MOST = 65_536
"""Maximum number of characters of a pull request's body or of a comment."""

_FENCE = re.compile(r" {0,3}(`{3,100}(?!.*`)|~{3,100})(.*)")
_DETAILS = re.compile(r"<(/?)details\b", re.IGNORECASE)
_NOTE = "\n\n> *Cut here: the whole is longer than GitHub takes.*\n"
# Space for the note, the end of a fence and the ends of some nested details.
_ROOM = 400
_MOST_ENDS = 20
# A longer line is cut in the middle. To drop it whole could drop most of the text.
_LONG_LINE = 2_000


def fit(text: str, most: int = MOST) -> str:
    """Return `text`, or as many whole lines as fit into `most` characters, closed properly, and a note."""
    if len(text) <= most:
        return text
    kept: list[str] = []
    room, fence, depth = most - _ROOM, "", 0
    for line in text.splitlines(keepends=True):
        if len(line) > room:
            kept.append(line[:room] if len(line) > _LONG_LINE else "")
            break
        kept.append(line)
        room -= len(line)
        fence, depth = _after(fence, depth, line)
    ends = (f"\n{fence}" if fence else "") + "\n</details>" * min(depth, _MOST_ENDS)
    return "".join(kept).rstrip("\n") + ends + _NOTE


def _after(fence: str, depth: int, line: str) -> tuple[str, int]:
    """Return the open fence (or "") and the number of open <details> at the end of a line."""
    match = _FENCE.match(line)
    if fence:
        closes = match is not None and match[1].startswith(fence) and not match[2].strip()
        return "" if closes else fence, depth
    if match is not None:
        return match[1], depth
    change = sum(-1 if slash else 1 for slash in _DETAILS.findall(line))
    return "", max(depth + change, 0)
