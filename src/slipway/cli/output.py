"""How the command line speaks: lines, marks and tables, plain text on any terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["progress", "say", "table"]


def say(line: str = "") -> None:
    """Print a line of the answer."""
    print(line, flush=True)


def progress(line: str) -> None:
    """Print a line about what goes on, apart from the answer."""
    print(line, file=sys.stderr, flush=True)


def table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows under their heads, each column as wide as its widest cell."""
    cells = [[str(cell) for cell in row] for row in [heads, *rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(heads))]
    for row in cells:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
