"""Columns whose cells are lists of numbers, all of one length."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


def width_of(column: pd.Series[Any]) -> int:
    """Return the common length of the lists of numbers that are all cells of a column; 0 for any other column."""
    import numpy

    present = column.dropna() if column.dtype.kind == "O" else column.iloc[:0]
    if not len(present) or not isinstance(present.iloc[0], (list, tuple, numpy.ndarray)):
        return 0
    widths = {_width(cell) for cell in present.tolist()}
    return widths.pop() if len(widths) == 1 else 0


def _width(cell: Any) -> int:
    """Return the length of a list of numbers; 0 for anything else."""
    found = cell.tolist() if hasattr(cell, "tolist") else cell
    numbers = isinstance(found, (list, tuple)) and all(type(each) in (int, float) for each in found)
    return len(found) if numbers else 0


def parsed(cell: Any) -> Any:
    """Return the value of a cell that is written as JSON, and any other cell as it is."""
    try:
        return json.loads(cell) if isinstance(cell, str) else cell
    except ValueError:
        return cell


def series(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column with each list, also one that is written as JSON, as an array of float64.

    Raise `ValueError` for a cell that is no list of numbers.
    """
    import numpy
    import pandas as pd

    found = []
    for cell, missing in zip(column.tolist(), column.isna().tolist(), strict=True):
        value = parsed(cell)
        if not missing and not _width(value):
            raise ValueError(f"{cell!r} is no list of numbers")
        found.append(numpy.nan if missing else numpy.array(value, dtype="float64"))
    return pd.Series(found, index=column.index, name=column.name, dtype=object)
