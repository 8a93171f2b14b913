"""The rows that evaluate a model and do not train it: chosen by a hash, by groups, by time, or by the model's class.

Processes that have only the packages of a version import this module: it loads no settings.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from slipway import digests
from slipway.errors import SlipwayError
from slipway.model import Model
from slipway.names import form, nearest

if TYPE_CHECKING:
    import pandas as pd

    from slipway.settings.types import SplitSettings

_BY_ROW = "by a hash of each row"
_FIX_DATES = "write dates as 2026-01-31 or 2026-01-31T12:00, or make them in `read`: pd.to_datetime(column, dayfirst=…)"


class Split(Struct, frozen=True, kw_only=True):
    """The rule by which rows were held out, as a record keeps it."""

    by: str
    """`row` for a hash of each row, `group`, `time`, or `model` for the model's class."""
    words: str
    """The rule for people."""
    share: float
    """The share of held-out rows that was asked for."""
    column: str = ""
    """The column of the groups or the times."""
    since: float | str | None = None
    """The first time that is held out: a number, or a date as text."""
    chosen: str = ""
    """Digest of the places of the held-out rows, where the model's class chose them."""


def choose(
    data: pd.DataFrame, columns: Sequence[str], share: float, wanted: SplitSettings | None, model: Model
) -> tuple[Split, pd.Series[bool]]:
    """Return the rule for the rows of `data`, and True for each row that is held out.

    `columns` are hashed where nothing else is wanted. Raise `SlipwayError` when the data or the model's class do not
    give what the rule needs.
    """
    if by_class(model):
        if wanted is not None:
            problem = f"{type(model).__name__} has a method held_out, and slipway.yaml a split: only one can choose"
            raise SlipwayError(problem, fix="take one of them out")
        return _by_model(data, share, model)
    if wanted is None:
        found = Split(by="row", words=_BY_ROW, share=share)
    elif wanted.group is not None:
        return _by_group(data, share, wanted.group)
    else:
        found = _by_time(data, share, str(wanted.time))
    return found, held_out_by(found, data, columns)


def by_class(model: Model) -> bool:
    """Return True if the model's class chooses the rows itself."""
    own = type(model).held_out
    return callable(own) and own is not Model.held_out


def held_out_by(split: Split, data: pd.DataFrame, columns: Sequence[str]) -> pd.Series[bool]:
    """Return True for each row of `data`, of whatever version, that this rule holds out.

    A rule of the model's class holds for its own data only. Raise `SlipwayError` when the data lack what is needed.
    """
    from slipway.models.data import held_out

    if split.by == "row":
        if missing := [name for name in columns if name not in data.columns]:
            raise SlipwayError(f"the data has no column {missing[0]!r}, by which its rows are split")
        return held_out(data, columns, split.share)
    if split.by == "group":
        limit = int(split.share * 2**64)
        hashed = {key: int.from_bytes(hashlib.sha256(key.encode()).digest()[:8]) for key in set(_groups(data, split))}
        return _mask(data, [hashed[key] < limit for key in _groups(data, split)])
    if split.by == "time":
        return _mask(data, (_times(data, split.column) >= _moment(split, data)).tolist())
    raise SlipwayError(f"the rows were held out {split.words}, which other data cannot be asked")


def split_of(recorded: Split | None, share: float | None) -> Split | None:
    """Return the rule in a record, of which earlier ones have the share alone; None if it does not say."""
    return recorded or (None if share is None else Split(by="row", words=_BY_ROW, share=share))


def chosen_by(model: Model, data: pd.DataFrame) -> pd.Series[bool]:
    """Return the rows that the model's class holds out; raise `SlipwayError` when it gives no truth value for each.

    A Series counts by its labels, as the class may have sorted the rows; all else by place.
    """
    name = f"{type(model).__name__}.held_out"
    values: Any = model.held_out(data.copy())
    if hasattr(values, "index") and hasattr(values, "reindex") and not values.index.equals(data.index):
        if values.index.has_duplicates or set(values.index) != set(data.index):
            problem = f"{name} gives a Series whose labels are not those of the {len(data)} rows"
            raise SlipwayError(
                problem, fix="keep the index of `data`, or return .tolist() if the order is that of `data`"
            )
        values = values.reindex(data.index)
    found = values.tolist() if hasattr(values, "tolist") else _listed(values)
    if len(found) != len(data) or not all(type(value) is bool for value in found):
        problem = f"{name} gives no True or False for each of the {len(data)} rows"
        raise SlipwayError(problem, fix="return a list, an array or a Series of bool, True for a row to hold out")
    return _mask(data, found)


def _listed(values: Any) -> list[Any]:
    """Return the elements of a list or the like; none of a single value, or of a table, whose elements are names."""
    if hasattr(values, "columns") or not isinstance(values, Iterable):
        return []
    return [value.item() if hasattr(value, "item") else value for value in values]


def mask_of(data: pd.DataFrame, places: Sequence[int]) -> pd.Series[bool]:
    """Return True for the rows of `data` at these places."""
    chosen = set(places)
    return _mask(data, [place in chosen for place in range(len(data))])


def digest_of(mask: pd.Series[bool]) -> str:
    """Return the digest of the places that are held out."""
    return digests.of_value([place for place, out in enumerate(mask) if out])


def _by_model(data: pd.DataFrame, share: float, model: Model) -> tuple[Split, pd.Series[bool]]:
    name = f"{type(model).__name__}.held_out"
    mask = chosen_by(model, data)
    if not mask.equals(chosen_by(model, data)):
        problem = f"{name} holds out other rows each time that it is asked"
        raise SlipwayError(problem, fix="give it a seed of its own: numpy.random.default_rng(0)")
    return Split(by="model", words=f"by {name}", share=share, chosen=digest_of(mask)), mask


def _by_group(data: pd.DataFrame, share: float, column: str) -> tuple[Split, pd.Series[bool]]:
    rule = Split(by="group", words="", share=share, column=column)
    mask = held_out_by(rule, data, ())
    keys = _groups(data, rule)
    out = {key for key, held in zip(keys, mask, strict=True) if held}
    words = f"all rows of one {column} together, {len(out)} of {len(set(keys))}"
    return Split(by="group", words=words, share=share, column=column), mask


def _by_time(data: pd.DataFrame, share: float, column: str) -> Split:
    """Return the rule that holds out about the last share of the rows; rows of one time are on one side."""
    times = _times(data, column)
    counted = times.value_counts().sort_index(ascending=False).cumsum()
    wanted = share * len(times)
    # All rows of the last time at least, and never all rows.
    allowed = counted[counted < len(times)]
    if not len(allowed):
        raise SlipwayError(f"all rows have the same {column}: they cannot be split by it", fix="change split")
    since = min(allowed.index, key=lambda time: abs(allowed[time] - wanted))
    shown = since.isoformat() if hasattr(since, "isoformat") else float(since)
    told = f"{shown:.15g}" if isinstance(shown, float) else shown.removesuffix("+00:00").removesuffix("T00:00:00")
    return Split(by="time", words=f"the last by {column}, from {told} on", share=share, column=column, since=shown)


def _groups(data: pd.DataFrame, split: Split) -> list[str]:
    """Return the group of each row as text that does not depend on how the column was read: 7, 7.0 and "7" are one."""
    from slipway.models.data import json_value

    values = _present(data, split.column).tolist()
    return [str(value) if isinstance(value, date) else _group(json_value(value)) for value in values]


def _group(value: Any) -> str:
    if not isinstance(value, bool):
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            return str(value)
        if math.isfinite(number):
            return repr(number + 0.0)  # -0.0 is 0.0
    return str(value)


def _times(data: pd.DataFrame, name: str) -> pd.Series[Any]:
    return times_in(_present(data, name), name)


def times_in(column: pd.Series[Any], name: str) -> pd.Series[Any]:
    """Return a column of numbers, or of dates in UTC; raise `SlipwayError` for text that is no date of ISO 8601."""
    import pandas as pd
    from pandas.api import types

    if types.is_numeric_dtype(column) and not types.is_bool_dtype(column):
        return column.astype("float64")
    if types.is_datetime64_any_dtype(column):
        return pd.to_datetime(column, utc=True)
    found = pd.to_datetime(column.astype(str), format="ISO8601", utc=True, errors="coerce")
    if found.isna().any():
        place = int(found.isna().to_numpy().argmax())
        problem = f"column {name}, row {place + 1}: {str(column.iloc[place])!r} is no date whose order is sure"
        raise SlipwayError(problem, fix=_FIX_DATES)
    return found


def _moment(split: Split, data: pd.DataFrame) -> Any:
    """Return the first time that is held out, as the column of `data` has times."""
    import pandas as pd

    dates = not pd.api.types.is_numeric_dtype(_times(data, split.column))
    if dates != isinstance(split.since, str):
        kinds = ("dates", "numbers") if dates else ("numbers", "dates")
        raise SlipwayError(f"the column {split.column!r} holds {kinds[0]}, and the split was by {kinds[1]}")
    return pd.Timestamp(split.since) if dates else split.since  # type: ignore[arg-type]


def _present(data: pd.DataFrame, name: str) -> pd.Series[Any]:
    found = next((head for head in data.columns if form(str(head)) == form(name)), None)
    if found is None:
        problem = f"the data has no column {name!r}, by which its rows are split"
        raise SlipwayError(problem, fix=nearest(name, map(str, data.columns)))
    column = data[found]
    if column.isna().any():
        row = int(column.isna().to_numpy().argmax()) + 1
        problem = f"column {name}, row {row}: has no value, and the rows are split by it"
        raise SlipwayError(problem, fix="fill it in `read`, or leave such rows out there")
    return column


def _mask(data: pd.DataFrame, values: Sequence[bool]) -> pd.Series[bool]:
    import pandas as pd

    return pd.Series(values, index=data.index, dtype=bool)
