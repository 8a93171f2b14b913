"""Tables read from files as the fields of a model declare them."""

from __future__ import annotations

import bz2
import csv
import gzip
import lzma
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from slipway.errors import SlipwayError
from slipway.schema import Field

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".tsv", ".parquet")
"""The endings of the names of tables; `.gz`, `.bz2` or `.xz` may follow the first two."""

_OPENERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
# The texts that pandas takes for a missing value. Source: the documentation of `pandas.read_csv`.
_GAPS = frozenset(
    {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"}
    | {"NULL", "NaN", "None", "n/a", "nan", "null"}
)
# From there on, float64 does not hold each whole number.
_EXACT = 2**53
_LONGEST_CELL = 2**31 - 1


def suffix(name: str) -> str:
    """Return the ending of a file's name that tells how to read it: `.csv.gz` of `a.b.csv.gz`."""
    *_, before, last = ["", "", *PurePosixPath(name).suffixes]
    return f"{before}{last}" if last in _OPENERS and before in SUFFIXES else last


def read(path: Path, fields: Sequence[Field]) -> pd.DataFrame:
    """Return the table in a CSV, TSV or Parquet file; `fields` are the declared ones, the target among them.

    A declared text is read as text (`01234`). A text that a field names as a category is never a gap; nor is any but
    the empty one where a field without categories must have a value. Raise `SlipwayError` for a row with more or fewer
    values than heads, naming its line, for several heads of one name, and for whole numbers that would be rounded.
    """
    import pandas as pd

    ending = suffix(path.name)
    if ending == ".parquet":
        return _parquet(path)
    separator = "\t" if ending.startswith(".tsv") else ","
    heads = _check_lines(path, separator)
    declared = {field.name: field for field in fields if field.name in heads}
    texts = {name for name, field in declared.items() if field.kind == "string"}
    whole = {name for name, field in declared.items() if field.kind == "integer"}
    table = pd.read_csv(
        path,
        sep=separator,
        index_col=False,
        dtype=dict.fromkeys(texts | whole, str),
        keep_default_na=False,
        na_values={name: sorted(_gaps(declared.get(name))) for name in heads},
        encoding="utf-8-sig",
        low_memory=False,
    )
    return table.assign(**{name: _whole(table[name]) for name in whole})


def texts(path: Path, rows: int) -> pd.DataFrame | None:
    """Return the first rows of a CSV or TSV file as the texts that stand there; None for another file."""
    import pandas as pd

    ending = suffix(path.name)
    if not ending.startswith((".csv", ".tsv")):
        return None
    separator = "\t" if ending.startswith(".tsv") else ","
    return pd.read_csv(path, sep=separator, index_col=False, dtype=str, keep_default_na=False, nrows=rows)


def _parquet(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except ImportError as error:
        fix = "add pyarrow, pinned to a version, to the model's requirements.txt"
        raise SlipwayError("nothing that reads Parquet is installed", fix=fix) from error


def heads(path: Path) -> list[str]:
    """Return the names of the columns of a CSV or TSV file."""
    with _lines(path, "\t" if suffix(path.name).startswith(".tsv") else ",") as lines:
        return next(lines, [])


def _check_lines(path: Path, separator: str) -> list[str]:
    """Return the heads; raise `SlipwayError` where a row has another number of values."""
    with _lines(path, separator) as lines:
        names: list[str] = next(lines, [])
        _check_heads(names)
        for row in lines:
            if row and len(row) != len(names):
                raise SlipwayError(
                    f"line {lines.line_num} has {len(row)} values, and the heads are {len(names)}",
                    fix="count its separators: text that holds one has to stand in quotation marks",
                )
    return names


def _check_heads(names: Sequence[str]) -> None:
    """Refuse names that stand twice: pandas would change all but the first."""
    if twice := sorted({name for name in names if name and names.count(name) > 1}):
        raise SlipwayError(f"it has several columns {', '.join(map(repr, twice))}", fix="keep one of each name")


@contextmanager
def _lines(path: Path, separator: str) -> Iterator[Any]:
    csv.field_size_limit(_LONGEST_CELL)
    with _text(path) as file:
        yield csv.reader(file, delimiter=separator)


def _text(path: Path) -> IO[str]:
    found: IO[str] = _OPENERS.get(path.suffix, open)(path, "rt", encoding="utf-8-sig", newline="")
    return found


def _gaps(field: Field | None) -> frozenset[str]:
    """Return the texts that are a missing value in the column of this field; None for a column of no declared field."""
    if field is None or field.kind != "string":
        return _GAPS
    if field.categories or field.optional:
        return _GAPS - {str(value) for value in field.categories}
    return frozenset({""})


def _whole(column: pd.Series[str]) -> pd.Series[Any]:
    """Return the texts of a column of whole numbers as numbers, where each is one; raise `SlipwayError` if rounded."""
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce")
    if (numbers.isna() & column.notna()).any():
        return column  # the check names the row
    if numbers.dtype.kind == "f" and (numbers.abs() >= _EXACT).any():
        problem = f"column {column.name} has whole numbers beyond 2^53 beside gaps or fractions, and would round them"
        raise SlipwayError(problem, fix="declare it as `str` if it is an identifier, or fill the gaps")
    return numbers
