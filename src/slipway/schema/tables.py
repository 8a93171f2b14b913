"""Tables read from files as the fields of a model declare them."""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import lzma
import unicodedata
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, Any

from slipway.errors import SlipwayError
from slipway.names import form
from slipway.schema import Field, Kind, arrays, moments
from slipway.schema.moments import is_dated
from slipway.text import counted

if TYPE_CHECKING:
    import pandas as pd

SUFFIXES = (".csv", ".tsv", ".parquet")
"""The endings of the names of tables; `.gz`, `.bz2` or `.xz` may follow the first two."""

_OPENERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open, ".xz": lzma.open}
GAPS = frozenset(
    {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"}
    | {"NULL", "NaN", "None", "n/a", "nan", "null"}
)
"""The texts that pandas takes for a missing value. Source: the documentation of `pandas.read_csv`."""
EXACT = 2**53
"""From there on, float64 does not hold each whole number."""
_LONGEST_CELL = 2**31 - 1
FIX_SEPARATOR = "save it with commas, or as .tsv with tabs, or write `read(self, path)` in the model's class"
"""The advice for a file whose columns are divided by something else."""

_START = 512
_FIX_PAGE = "open the address in a browser: it may ask for a login, or show the data on a page"
# The beginnings of files in other forms.
_FORMS = (
    (b"\x1f\x8b", "packed by gzip", "name it .csv.gz, or unpack it"),
    (
        b"pk\x03\x04",
        "a ZIP file, as spreadsheets are",
        "save it as CSV, or write `read(self, path)` in the model's class",
    ),
    (b"par1", "a Parquet file", "name it .parquet"),
    (b"<!doctype html", "a page in HTML, and no table", _FIX_PAGE),
    (b"<html", "a page in HTML, and no table", _FIX_PAGE),
    (b"\xff\xfe", "text in UTF-16", "save it as UTF-8"),
    (b"\xfe\xff", "text in UTF-16", "save it as UTF-8"),
)


def suffix(name: str) -> str:
    """Return the ending of a file's name that tells how to read it: `.csv.gz` of `a.b.csv.gz`."""
    *_, before, last = ["", "", *PurePosixPath(name).suffixes]
    return f"{before}{last}" if last in _OPENERS and before in SUFFIXES else last


def read(path: Path, fields: Sequence[Field]) -> pd.DataFrame:
    """Return the table in a CSV, TSV or Parquet file; `fields` are the declared ones, the target among them.

    A declared text is read as text (`01234`). A text that a field names as a category is never a gap; nor is any but
    the empty one where a field without categories must have a value. Heads are spelled as `respelled` does. Raise
    `SlipwayError` for a row with more or fewer values than heads, naming its line, for several heads of one name, and
    for whole numbers that would be rounded.
    """
    import pandas as pd

    ending = suffix(path.name)
    if ending == ".parquet":
        return _parquet(path, fields)
    _check_form(path)
    separator = "\t" if ending.startswith(".tsv") else ","
    heads = _check_lines(path, separator)
    known = {form(field.name): field for field in fields}
    declared = {head: known[form(head)] for head in heads if form(head) in known}
    texts = {name for name, field in declared.items() if field.kind in ("string", "array") or is_dated(field.kind)}
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
    found = table.assign(**{name: _whole(table[name]) for name in whole})
    return respelled(found, (field.name for field in fields))


def respelled(table: pd.DataFrame, names: Iterable[str]) -> pd.DataFrame:
    """Return a table with its columns spelled as `names`, where Unicode has several forms of one, or else composed.

    Raise `SlipwayError` for two columns whose names are forms of one.
    """
    known = {form(name): name for name in names}
    heads = {str(name): known.get(form(str(name)), unicodedata.normalize("NFC", str(name))) for name in table}
    _check_heads(list(heads))
    return table if all(head == name for head, name in heads.items()) else table.rename(columns=heads)


def conform(table: pd.DataFrame, names: Iterable[str], fields: Sequence[Field]) -> pd.DataFrame:
    """Return a table with its columns spelled as `names`, and the values in it as the `fields` have them.

    Texts are spelled as the categories, dates are datetime64, and lists are arrays. A column in which a value does not
    fit stays as it is: the check names the row.
    """
    found = respelled(table, names)
    for field in (field for field in fields if field.name in found):
        column = found[field.name]
        changed = (
            _typed(column, field.kind) if field.kind == "array" or is_dated(field.kind) else _spelled(column, field)
        )
        if changed is not None:
            found = found.assign(**{field.name: changed})
    return found


def _typed(column: pd.Series[Any], kind: Kind) -> pd.Series[Any] | None:
    """Return a column of dates or lists with the type that all such columns have; None where a value does not fit."""
    try:
        return moments.series(column, kind) if is_dated(kind) else arrays.series(column)
    except ValueError:
        return None


def _spelled(column: pd.Series[Any], field: Field) -> pd.Series[Any] | None:
    """Return the column of a field of categories, if any of its texts has another form of Unicode there."""
    if field.kind != "string" or not field.categories:
        return None
    texts = {value for value in column.tolist() if type(value) is str}
    others = {value: own for value in texts if (own := field.spelled(value)) != value}
    return column.replace(others) if others else None


def texts(path: Path, rows: int) -> pd.DataFrame | None:
    """Return the first rows of a CSV or TSV file as the texts that stand there; None for another file."""
    import pandas as pd

    ending = suffix(path.name)
    if not ending.startswith((".csv", ".tsv")):
        return None
    separator = "\t" if ending.startswith(".tsv") else ","
    table = pd.read_csv(path, sep=separator, index_col=False, dtype=str, keep_default_na=False, nrows=rows)
    return table.rename(columns=lambda name: unicodedata.normalize("NFC", name))


def _parquet(path: Path, fields: Sequence[Field]) -> pd.DataFrame:
    """Read a Parquet file with its named index as columns; columns of whole numbers are exact, or refused."""
    import pandas as pd

    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        fix = "add pyarrow, pinned to a version, to the model's requirements.txt"
        raise SlipwayError("nothing that reads Parquet is installed", fix=fix) from error
    try:
        _check_heads(pyarrow.parquet.read_schema(path).names)
        # Numbers with gaps are whole and exact in the types that know gaps.
        table = pd.read_parquet(path, engine="pyarrow", dtype_backend="numpy_nullable")
    except (pyarrow.ArrowException, OSError) as error:
        raise SlipwayError("it is no whole Parquet file", fix="write it once more: DataFrame.to_parquet") from error
    if any(table.index.names):
        table = table.reset_index([name for name in table.index.names if name is not None])
    table = respelled(table, (field.name for field in fields))
    for name in [field.name for field in fields if field.kind == "integer"]:
        if name in table and pd.api.types.is_integer_dtype(table[name]):
            _check_exact(table[name])
    return plain(table)


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table without pandas's own types for values with gaps, and without Decimals.

    Estimators, requests and CSV files know none of them: a gap is NaN, and a column of numbers has a type of numpy.
    """
    changed = {str(name): found for name, column in table.items() if (found := _plain(column)) is not None}
    return table.assign(**changed) if changed else table


def _plain(column: pd.Series[Any]) -> pd.Series[Any] | None:
    """Return a column of numbers, truth values or texts in a plain type; None if it has one, or holds other things."""
    import numpy as np
    import pandas as pd

    kind: Any = column.dtype
    if not isinstance(kind, pd.api.extensions.ExtensionDtype):
        present = column.dropna() if kind.kind == "O" else ()
        return column.astype("float64") if len(present) and all(type(each) is Decimal for each in present) else None
    if pd.api.types.is_bool_dtype(kind):
        return column.astype(object).where(column.notna(), np.nan) if column.isna().any() else column.astype(bool)
    if pd.api.types.is_numeric_dtype(kind):
        return column.astype("float64" if column.isna().any() else getattr(kind, "numpy_dtype", "float64"))
    if pd.api.types.is_string_dtype(kind) and getattr(kind, "na_value", None) is pd.NA:
        return column.astype(object).where(column.notna(), np.nan).astype(pd.Series(["text"]).dtype)
    return None


def heads(path: Path) -> list[str]:
    """Return the names of the columns of a CSV or TSV file, in composed Unicode."""
    with _lines(path, "\t" if suffix(path.name).startswith(".tsv") else ",") as lines:
        return [unicodedata.normalize("NFC", name) for name in _first(lines)]


def _first(lines: Iterator[list[str]]) -> list[str]:
    """Return the first line that is not blank; pandas, too, takes it for the heads."""
    return next(filter(None, lines), [])


def _check_lines(path: Path, separator: str) -> list[str]:
    """Return the heads; raise `SlipwayError` where a row has another number of values."""
    with _lines(path, separator) as lines:
        names = _first(lines)
        _check_heads(names)
        before = lines.line_num
        for row in lines:
            if row and len(row) != len(names):
                raise SlipwayError(f"{_place(before + 1, lines.line_num)} has {_values(row, names)}", fix=_why(names))
            before = lines.line_num
    return names


def _place(first: int, last: int) -> str:
    return f"line {last}" if first == last else f"the row from line {first} to line {last}, by its quotation marks,"


def _values(row: Sequence[str], names: Sequence[str]) -> str:
    return f"{counted(len(row), 'value')}, and the heads are {len(names)}"


def _why(names: Sequence[str]) -> str:
    if len(names) == 1 and (separator := foreign_separator(names[0])):
        return f"its heads are divided by {separator!r}: {FIX_SEPARATOR}"
    return "count its separators: text that holds one has to stand in quotation marks"


def foreign_separator(head: str) -> str:
    """Return the character that divides the names in the only head of a file; nothing if there is none."""
    return next((sign for sign in ";\t|," if sign in head), "")


def _check_heads(names: Sequence[str]) -> None:
    """Refuse names that stand twice, of which pandas would change all but the first, and two forms of one name."""
    counted = Counter(names)
    if twice := sorted(name for name, count in counted.items() if name and count > 1):
        raise SlipwayError(f"it has several columns {', '.join(map(repr, twice))}", fix="keep one of each name")
    forms = Counter(map(form, names))
    if same := [name for name in names if name and forms[form(name)] > 1]:
        told = " and ".join(f"{name!r} ({name!a})" for name in same if form(name) == form(same[0]))
        problem = f"its columns {told} are one name in two forms of Unicode"
        raise SlipwayError(problem, fix="rename one of them, or leave it out")


@contextmanager
def _lines(path: Path, separator: str) -> Iterator[Any]:
    csv.field_size_limit(_LONGEST_CELL)
    try:
        with _text(path) as file:
            yield csv.reader(file, delimiter=separator)
    except (EOFError, OSError, zlib.error, lzma.LZMAError) as error:
        problem = f"it is no whole file of the kind {path.suffix}: {error}"
        raise SlipwayError(problem, fix="pack it once more, or copy it again") from error


def _check_form(path: Path) -> None:
    """Refuse a file of another form than its name says, which would be read as a table of nonsense."""
    if path.suffix in _OPENERS:
        return
    with path.open("rb") as file:
        start = file.read(_START).removeprefix(codecs.BOM_UTF8).lstrip()
    for sign, kind, fix in _FORMS:
        if start[: len(sign)].lower() == sign:
            raise SlipwayError(f"it is {kind}", fix=fix)


def _text(path: Path) -> IO[str]:
    found: IO[str] = _OPENERS.get(path.suffix, open)(path, "rt", encoding="utf-8-sig", newline="")
    return found


def _gaps(field: Field | None) -> frozenset[str]:
    """Return the texts that are a missing value in the column of this field; None for a column of no declared field."""
    if field is None or field.kind != "string":
        return GAPS
    if field.categories or field.optional:
        return GAPS - {str(value) for value in field.categories}
    return frozenset({""})


def _whole(column: pd.Series[str]) -> pd.Series[Any]:
    """Return the texts of a column of whole numbers as numbers, where each is one; raise `SlipwayError` if rounded."""
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce")
    if (numbers.isna() & column.notna()).any():
        return column  # the check names the row
    if numbers.dtype.kind == "f":
        _check_exact(numbers)
    return numbers


def _check_exact(numbers: pd.Series[Any]) -> None:
    """Raise `SlipwayError` for whole numbers that float64 rounds, where gaps or fractions ask for it."""
    if (numbers.dtype.kind == "f" or numbers.isna().any()) and (numbers.abs() >= EXACT).any():
        problem = f"column {numbers.name} has whole numbers beyond 2^53 beside gaps or fractions, and would round them"
        raise SlipwayError(problem, fix="declare it as `str` if it is an identifier, or fill the gaps")
