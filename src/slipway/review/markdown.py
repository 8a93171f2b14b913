"""Markdown as GitHub reads it, of text that nobody vouches for: none of it becomes markup, a mention or a link."""

import re
from collections.abc import Iterable, Sequence

from msgspec import Struct

__all__ = ["Section", "code", "details", "fence", "fitted", "table"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")
_LONGEST_LINE = 400


class Section(Struct, frozen=True):
    """A part of a body in several forms, the whole one first; each is shorter than the one before."""

    forms: tuple[str, ...]


def code(text: object, most: int = 80) -> str:
    """`text` on one line, as code, `most` characters of it."""
    line = _CONTROL.sub(" ", str(text)).strip() or " "
    line = line if len(line) <= most else f"{line[: most - 1]}…"
    ticks = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    edge = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{ticks}{edge}{line}{edge}{ticks}"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], *, align: str = "l", most: int = 60) -> str:
    """A table of cells that are markdown already; `align` has l or r for each column, its last for all that follow."""
    marks = {"l": ":--", "r": "--:"}
    lines = [_row(heads), _row([marks[align[min(place, len(align) - 1)]] for place in range(len(heads))])]
    shown = list(rows)
    lines += [_row(row) for row in shown[:most]]
    note = [] if len(shown) <= most else ["", f"… and {len(shown) - most} more."]
    return "\n".join([*lines, *note])


def details(summary: str, content: str) -> str:
    """A part that a reader opens; `summary` is HTML already."""
    return f"<details><summary>{summary}</summary>\n\n{content}\n\n</details>"


def fence(text: str, language: str = "", most: int | None = None) -> str:
    """`text` in a block of code: `most` lines of it, and a note of what was cut."""
    lines = text.splitlines()
    kept = [_plain(line) for line in lines[:most]]
    longest = max((len(run) for line in kept for run in re.findall("`+", line)), default=0)
    ticks = "`" * max(3, longest + 1)
    note = f"\n\n… and {len(lines) - len(kept)} more lines." if len(kept) < len(lines) else ""
    return "\n".join([f"{ticks}{language}", *kept, ticks]) + note


def fitted(sections: Sequence[Section], most: int) -> str:
    """All sections, one below the other, in the longest forms that fit into `most` characters together.

    The longest section is shortened first, until all fit or none can be any shorter.
    """
    chosen = [0] * len(sections)
    while len(_joined(sections, chosen)) > most:
        longer = [place for place, section in enumerate(sections) if chosen[place] + 1 < len(section.forms)]
        if not longer:
            break
        longest = max(longer, key=lambda place: len(sections[place].forms[chosen[place]]))
        chosen[longest] += 1
    return _joined(sections, chosen)


def _joined(sections: Sequence[Section], chosen: Sequence[int]) -> str:
    parts = [section.forms[form] for section, form in zip(sections, chosen, strict=True)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _row(cells: Sequence[str]) -> str:
    # A backslash before a bar would take away the meaning of the one that is put there.
    escaped = [cell.replace("\\|", "\\ |").replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(escaped)} |"


def _plain(line: str) -> str:
    shown = line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…"
    return _CONTROL.sub("�", shown.replace("\t", "    "))
