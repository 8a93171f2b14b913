"""Rows between a DataFrame and JSON, and which of them are held out."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["hashes", "held_out", "plain", "records"]


def held_out(data: pd.DataFrame, columns: Sequence[str], fraction: float) -> pd.Series[bool]:
    """For each row of `data`, whether it is held out: about `fraction` (between 0 and 1) of them are.

    It goes by a hash of the row's content, so that a row once held out always is. Only the values in `columns` count,
    in the order of their names: neither the row's place, nor the order of the columns, nor further columns. Of rows
    that are equal each is chosen for itself, by its number among them: held out together, a common combination of
    features would be one whose usual outcome is never trained on.
    """
    import pandas as pd

    limit = int(fraction * 2**64)
    return pd.Series([number < limit for number in hashes(data, columns)], index=data.index, dtype=bool)


def hashes(data: pd.DataFrame, columns: Sequence[str]) -> list[int]:
    """For each row a number of 64 bits, of the values in `columns` and how many rows before it have the same."""
    rows = zip(*(_comparable(data[name]) for name in sorted(columns)), strict=True)
    before: Counter[str] = Counter()
    found = []
    for row in map(repr, rows):
        found.append(_number(f"{row} {before[row]}" if before[row] else row))
        before[row] += 1
    return found


def records(data: pd.DataFrame, columns: Sequence[str]) -> list[dict[str, Any]]:
    """The rows of `data` as JSON has them."""
    values = zip(*(data[name].tolist() for name in columns), strict=True)
    return [{name: plain(value) for name, value in zip(columns, row, strict=True)} for row in values]


def plain(value: Any) -> Any:
    """A cell as JSON has it: null for NaN, Python's own types for numpy's."""
    value = value.item() if hasattr(value, "item") else value
    return None if value is None or value != value else value  # NaN is what differs from itself


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])


def _comparable(column: pd.Series[Any]) -> list[Any]:
    """Numbers as float, whatever they were read as, all else as text, and NaN where there is no value."""
    from pandas.api import types

    if types.is_numeric_dtype(column) and not types.is_bool_dtype(column):
        return column.astype("float64").tolist()
    # As text, a missing value is something else in every pandas: 'nan', 'None', 'NaT', '<NA>', or still missing.
    texts = zip(column.astype(str).tolist(), column.isna().tolist(), strict=True)
    return [math.nan if missing else text for text, missing in texts]
