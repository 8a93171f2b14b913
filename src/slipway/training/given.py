"""Rows and their truth as a notebook has them, in any form, as tables with names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slipway.errors import SlipwayError
from slipway.model import kind_of
from slipway.text import listed

if TYPE_CHECKING:
    import pandas as pd

_TARGET, _TEXT = "target", "text"
_TABLE = 2
_MOST_NAMED = 12


def features_of(estimator: Any, rows: Any) -> pd.DataFrame:
    """Return the rows as a table; raise `SlipwayError` for what is none, and for columns without a text as name."""
    import pandas as pd

    if hasattr(rows, "toarray"):
        fix = "save a pipeline that makes the matrix itself, and give the rows as callers have them"
        raise SlipwayError("the rows are a sparse matrix, which no caller gives", fix=fix)
    if isinstance(rows, pd.DataFrame):
        found = rows.reset_index(drop=True)
    elif is_records(rows):
        found = pd.DataFrame(rows)
    else:
        found = _named(estimator, rows)
    if odd := [name for name in found if not isinstance(name, str)]:
        raise SlipwayError(
            f"the column {odd[0]!r} has no text as its name", fix="rows.columns = rows.columns.astype(str)"
        )
    return found.apply(_plain)


def is_records(rows: Any) -> bool:
    """Return True for a dict of columns, and for a list of dicts."""
    return isinstance(rows, dict) or (isinstance(rows, list) and bool(rows) and isinstance(rows[0], dict))


def _named(estimator: Any, rows: Any) -> pd.DataFrame:
    """Return an array, or a column of texts, as a table with names."""
    import pandas as pd

    table = pd.DataFrame(rows)
    if getattr(rows, "ndim", 2) < _TABLE and kind_of(table.iloc[:, 0]) != "string":
        fix = "give a table, of one row too: rows.to_frame().T, or array.reshape(1, -1)"
        raise SlipwayError("the rows have one dimension", fix=fix)
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        is_texts = len(table.columns) == 1 and kind_of(table.iloc[:, 0]) == "string"
        names = [getattr(rows, "name", None) or _TEXT] if is_texts else _places("x", table, 0)
    if len(names) != len(table.columns):
        problem = f"the rows have {len(table.columns)} columns, and the estimator was fitted on {len(names)}"
        raise SlipwayError(problem, fix=f"give these, in their order: {listed(list(map(str, names)), _MOST_NAMED)}")
    return table.set_axis([str(name) for name in names], axis=1)


def _places(word: str, table: pd.DataFrame, first: int) -> list[str]:
    return [f"{word}{place}" for place in range(first, first + len(table.columns))]


def truth_of(truth: Any) -> pd.DataFrame | None:
    """Return the truth as a table; raise `SlipwayError` for a row without it."""
    import pandas as pd

    if truth is None:
        return None
    if isinstance(truth, pd.DataFrame):
        found = truth.reset_index(drop=True)
    elif isinstance(truth, pd.Series):
        name = truth.name if isinstance(truth.name, str) else _TARGET
        found = truth.reset_index(drop=True).to_frame(name)
    elif not hasattr(truth, "__iter__"):
        problem = f"the truth is a {type(truth).__name__}, and has no values"
        raise SlipwayError(problem, fix="slipway.save(estimator, X, y, model) is the order; y may be None")
    else:
        table = pd.DataFrame(truth if hasattr(truth, "ndim") else list(truth))
        found = table.set_axis([_TARGET] if len(table.columns) == 1 else _places(f"{_TARGET}_", table, 1), axis=1)
    for key, column in found.items():
        if not isinstance(key, str):
            raise SlipwayError(f"the target {key!r} has no text as its name", fix="give a DataFrame with such names")
        if column.isna().any():
            problem = f"{key} has no value in row {int(column.isna().argmax()) + 1}"
            raise SlipwayError(problem, fix="give only rows whose truth is known, or None for all of it")
    return found.apply(_plain)


def _plain(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column as a file gives it again: float64 for other fractions, values in place of categories."""
    if column.dtype.kind == "f":
        return column.astype("float64")
    return column.astype(object) if str(column.dtype) == "category" else column
