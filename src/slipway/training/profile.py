"""The columns of the data as a table for people: what each holds, and what looks odd about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from slipway.schema import Field, moments
from slipway.schema.moments import is_dated
from slipway.schema.tables import EXACT, GAPS
from slipway.text import cut, one_line

if TYPE_CHECKING:
    import pandas as pd

_HEADS = ("column", "kind", "holds", "missing", "examples", "looks odd")
_WIDEST = 36
_MOST = 40
# A column of fewer values says nothing about its kind.
_FEWEST = 20
_NEARLY_ALL = 0.9

_ZEROS = re.compile(r"0\d+")
_WHOLE = re.compile(r"-?\d{16,30}")
_DECIMAL_COMMA = re.compile(r"-?\d+,\d{1,2}|-?\d+,\d{4,}|-?0,\d+")
_THOUSANDS = re.compile(r"-?\d{1,3}([ ,.'\u00a0]\d{3})+([.,]\d+)?")
_DATE = re.compile(r"(\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2}))([T ]\d{1,2}:\d{2}.*)?")


class Column(NamedTuple):
    """A line of the table."""

    name: str
    kind: str
    holds: str
    missing: str
    examples: str
    odd: str


def table(
    fields: Sequence[Field], targets: Sequence[Field], data: pd.DataFrame, texts: pd.DataFrame | None = None
) -> Iterator[str]:
    """Yield the lines of a table of the fields and the targets; `texts` has the columns as they stand in the file.

    Of very many columns, those that look odd come first, and the last line says how many are left out.
    """
    columns = [_column(field, targets, data, texts) for field in (*fields, *targets)]
    if len(columns) > _MOST:
        columns.sort(key=lambda column: not column.odd)
    yield from _aligned([_HEADS, *columns[:_MOST]])
    if len(columns) > _MOST:
        yield f"… and {len(columns) - _MOST} columns more"
    used = {field.name for field in (*fields, *targets)}
    if unused := [str(name) for name in data.columns if name not in used]:
        yield cut(f"for `train` alone, no caller gives them: {', '.join(unused)}", 200)


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    shown = [[cut(cell, _WIDEST) for cell in row[:-1]] for row in rows]
    widths = [max(map(len, cells)) for cells in zip(*shown, strict=True)]
    for row, cells in zip(rows, shown, strict=True):
        told = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        yield "  ".join((*told, row[-1])).rstrip()


def _column(field: Field, targets: Sequence[Field], data: pd.DataFrame, texts: pd.DataFrame | None) -> Column:
    column = data[field.name]
    present = column.dropna()
    missing = len(column) - len(present)
    raw = texts[field.name] if texts is not None and field.name in texts else present
    words = raw[raw.map(lambda value: isinstance(value, str) and value != "")]
    if field.kind == "array":
        words = words[:0]
    odd = [*_taken_for_gaps(field, words, column), *_odd_values(field, words), *_odd_column(field, present)]
    odd += _rounded(field, words, present)
    others = [target.name for target in targets if field not in targets and field.kind != "array"]
    odd += [f"equals {name}, which it is to predict" for name in others if _tells(present, data[name])]
    return Column(
        name=field.name,
        kind="category" if field.categories else field.kind,
        holds=_holds(field, present),
        missing=str(missing) if missing else "",
        examples=one_line(", ".join(dict.fromkeys(str(value) for value in raw.dropna().head(_FEWEST)))),
        odd="; ".join(odd),
    )


def _holds(field: Field, present: pd.Series[Any]) -> str:
    if field.categories:
        return one_line(f"{len(field.categories)}: {', '.join(map(str, field.categories))}")
    if is_dated(field.kind) and len(present) and present.dtype.kind == "M":
        return f"{moments.plain(present.min())} to {moments.plain(present.max())}"
    if field.kind in ("number", "integer") and len(present) and present.dtype.kind in "iuf":
        return f"{present.min():.6g} to {present.max():.6g}"
    if field.kind == "array":
        return field.expected.removeprefix("a ")
    return f"{present.nunique()} different"


def _odd_values(field: Field, words: pd.Series[str]) -> Iterator[str]:
    """Yield what is odd about the texts of a column."""
    if not len(words):
        return
    if field.kind != "string" and words.map(_ZEROS.fullmatch).astype(bool).any():
        yield "leading zeros, lost in numbers: declare it as `str`"
    if (words != words.str.strip()).any():
        yield "blanks at the ends of texts"
    for pattern, told in (
        (_DATE, "dates, read as text"),
        (_DECIMAL_COMMA, "decimal commas, read as text"),
        (_THOUSANDS, "separators of thousands, read as text"),
    ):
        if field.kind == "string" and words.map(pattern.fullmatch).astype(bool).mean() > _NEARLY_ALL:
            yield told
            return


def _taken_for_gaps(field: Field, words: pd.Series[str], column: pd.Series[Any]) -> Iterator[str]:
    """Yield the words among texts that were read as a missing value, as the code of Namibia is."""
    if field.kind != "string":
        return
    among = words[words.index.isin(column.index[column.isna()]) & words.isin(GAPS)]
    if shown := ", ".join(map(repr, sorted(set(among))[:3])):
        yield f"{shown} taken for missing; `str` or a `Literal` in the class `input` keeps it"


def _rounded(field: Field, words: pd.Series[str], present: pd.Series[Any]) -> Iterator[str]:
    """Yield a word where whole numbers are more than float64 holds, as long identifiers are."""
    # To look at the texts of very many columns takes long.
    if field.kind != "number" or (present.dtype.kind in "iuf" and not present.abs().max() >= EXACT):
        return
    whole = present if present.dtype.kind in "iuO" else words[words.map(_WHOLE.fullmatch).astype(bool)]
    # The target may be texts, of which the class's own `outcome` makes numbers.
    if any(abs(int(value)) > EXACT for value in whole if not isinstance(value, str) or _WHOLE.fullmatch(value)):
        yield "whole numbers beyond 2^53, rounded: declare it as `str`"


def _odd_column(field: Field, present: pd.Series[Any]) -> Iterator[str]:
    if field.kind == "array":
        return
    different = present.nunique()
    if different <= 1 and len(present):
        yield "always the same"
    elif different == len(present) >= _FEWEST and present.dtype.kind not in "fM" and _numbers_rows(field.name, present):
        yield "another value in each row, as an identifier has"


def _numbers_rows(name: str, present: pd.Series[Any]) -> bool:
    return present.is_monotonic_increasing or name.lower().endswith(("id", "key", "code", "number", "no"))


def _tells(present: pd.Series[Any], target: pd.Series[Any]) -> bool:
    """Return True if each value of a column stands beside one value of the target, and the other way round."""
    truth = target.loc[present.index]
    different = truth.nunique()
    if not 1 < different <= len(truth) / 2 or present.nunique() != different:
        return False
    return bool(truth.groupby(present).nunique().max() == 1)
