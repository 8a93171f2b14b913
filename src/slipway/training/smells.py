"""Signs that held-out rows are not as new to the model as the rows of tomorrow will be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from slipway.errors import SlipwayError
from slipway.models.data import contents
from slipway.models.splits import Split, times_in

if TYPE_CHECKING:
    import pandas as pd

# Fewer rows or groups say nothing.
_FEWEST = 20
_FEWEST_GROUPS = 5
_MOST_SHARED = 0.05
_ID = re.compile(
    r"(?i)(.*[_\s.-])?(id|ids|key|uuid|patient|customer|client|user|subject|person|session|device|household|account)"
)
_CAMEL_ID = re.compile(r".*[a-z](Id|ID|Key)")
_TIME = re.compile(r"(?i)(.*[_\s.-])?(time|timestamp|date|datetime|day|week|month|year|epoch|when)")


def smells(
    data: pd.DataFrame, features: Sequence[str], targets: Sequence[str], split: Split, out: pd.Series[bool]
) -> Iterator[str]:
    """Yield in words why metrics on the rows held out by `split` may be too good, and which split is better."""
    if len(data) < _FEWEST or out.all():
        return
    others = [str(name) for name in data.columns if name not in targets]
    if split.by == "row":
        groups = [name for name in others if _groups(name, data[name], used=name in features)]
        for name in groups[:3]:
            many = data[name].nunique()
            yield (
                f"{name} has {many} values in {len(data)} rows: if rows of one value belong together, some train and"
                f" others evaluate; `split: {{group: {name}}}` keeps them together"
            )
    if split.by in ("row", "group"):
        for name in [name for name in others if _is_in_order(name, data[name])][:1]:
            yield (
                f"rows are in the order of {name}, and held out {split.words}: if the future is predicted, the past has"
                f" to train; `split: {{time: {name}}}` holds out the last rows"
            )
    known = set(contents(data[~out], features))
    shared = sum(content in known for content in contents(data[out], features))
    if shared / int(out.sum()) > _MOST_SHARED:
        yield (
            f"{shared} of {int(out.sum())} held-out rows have the features of a row that trains: the model may know"
            " their answers by heart"
        )


def _groups(name: str, column: pd.Series[Any], *, used: bool) -> bool:
    """Return True for a column that names groups of rows: by its name, or whole numbers and texts that nobody uses."""
    from pandas.api import types

    different = _different(column)
    if not _FEWEST_GROUPS <= different <= len(column) / 2 or _TIME.fullmatch(name):
        return False
    if types.is_float_dtype(column) and not (column.dropna() % 1 == 0).all():
        return False
    named = bool(_ID.fullmatch(name) or _CAMEL_ID.fullmatch(name))
    return named or (not used and different > _FEWEST and not types.is_datetime64_any_dtype(column))


def _different(column: pd.Series[Any]) -> int:
    """Return the number of different values; 0 for lists and the like, which nobody compares."""
    try:
        return int(column.nunique())
    except TypeError:
        return 0


def _is_in_order(name: str, column: pd.Series[Any]) -> bool:
    """Return True for rising dates, and for rising numbers in a column whose name tells of time."""
    from pandas.api import types

    if types.is_numeric_dtype(column) and not _TIME.fullmatch(name):
        return False
    if _different(column) < _FEWEST_GROUPS or column.isna().any():
        return False
    try:
        return bool(times_in(column, name).is_monotonic_increasing)
    except SlipwayError:
        return False
