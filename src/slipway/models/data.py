"""The data that a model learns from: the place, the columns, the rows that are held out, and rows as JSON."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.errors import SlipwayError
from slipway.model import Model, declared, named
from slipway.models.seeds import set_seeds
from slipway.names import form
from slipway.schema import arrays, moments, tables
from slipway.settings import Settings
from slipway.settings.types import Data

if TYPE_CHECKING:
    import pandas as pd

READ = "read()"
"""The place of data that the model's own `read` gets by itself."""

SNAPSHOT = ".snapshot"
"""It stands in the name of a file with such data: `<sha256>.snapshot.csv`."""


def scheme(uri: str) -> str:
    """Return `gs` for `gs://bucket/object`, and `` for a path, in which `#`, `?`, `[` and `:` are plain letters."""
    if uri.startswith("file:"):
        return "file"
    found, sign, _ = uri.partition("://")
    return found if sign else ""


def local_path(uri: str, root: Path) -> Path | None:
    """Return the file of `file:///…` or of a path in the repository at `root`; None for any other place."""
    if scheme(uri) not in ("", "file"):
        return None
    return root / uri.removeprefix("file://").removeprefix("file:")


def data_source(settings: Settings, name: str) -> Data | None:
    """Return where a model's data are: what slipway.yaml says, or else the one table in the model's folder."""
    named = settings.model(name).data
    if named is not None:
        return named if isinstance(named, Data) else Data(uri=named)
    found = tables_of(settings, name)
    return Data(uri=found[0].relative_to(settings.root).as_posix()) if len(found) == 1 else None


def tables_of(settings: Settings, name: str) -> list[Path]:
    """Return the tables in a model's folder: CSV, TSV and Parquet files."""
    found = sorted(path for path in settings.folder(name).glob("*") if not path.name.startswith("."))
    return [path for path in found if tables.suffix(path.name).startswith(tables.SUFFIXES)]


def features(settings: Settings, name: str, target: str) -> list[str]:
    """Return the columns that slipway.yaml names as features, or else all columns of the data but the target."""
    named, source = settings.model(name).features, data_source(settings, name)
    if named or source is None:
        return named
    return [column for column in columns(source.uri, settings.root) if form(column) != form(target)]


def columns(uri: str, root: Path) -> list[str]:
    """Return the names of the columns of a local CSV or TSV file; raise `SlipwayError` for any other data."""
    path = local_path(uri, root)
    if path is None or not tables.suffix(path.name).startswith((".csv", ".tsv")) or not path.is_file():
        raise SlipwayError(f"the columns of {uri} are not known", fix="name those that the class takes: features: […]")
    return tables.heads(path)


def held_out(data: pd.DataFrame, columns: Sequence[str], fraction: float) -> pd.Series[bool]:
    """Return True for each row of `data` that is held out: about `fraction` (between 0 and 1) of them.

    A hash of the values in `columns` decides, so that a row once held out always is. The place of the row, the order of
    the columns and other columns do not count. Equal rows are chosen one by one, by their number: if they were held out
    together, training would never see the usual outcome of a common combination of features.
    """
    import pandas as pd

    limit = int(fraction * 2**64)
    return pd.Series([number < limit for number in hashes(data, columns)], index=data.index, dtype=bool)


def hashes(data: pd.DataFrame, columns: Sequence[str]) -> list[int]:
    """Return a number of 64 bits for each row, from its values in `columns` and the number of equal rows before it."""
    before: Counter[str] = Counter()
    found = []
    for row in contents(data, columns):
        text = f"{row} {before[row]}" if before[row] else row
        found.append(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]))
        before[row] += 1
    return found


def contents(data: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Return the values of each row in `columns` as text; equal rows have equal texts."""
    return [repr(row) for row in zip(*(_comparable(data[name]) for name in sorted(columns)), strict=True)]


def records(data: pd.DataFrame, columns: Sequence[str]) -> list[dict[str, Any]]:
    """Return the rows of `data` as objects of JSON."""
    values = zip(*(data[name].tolist() for name in columns), strict=True)
    return [{name: json_value(value) for name, value in zip(columns, row, strict=True)} for row in values]


def truth_in(data: pd.DataFrame, targets: Sequence[str]) -> list[Any]:
    """Return the values of the target column as JSON has them; of several, a dict for each row; of none, nothing."""
    if len(targets) > 1:
        return records(data, targets)
    return [json_value(value) for name in targets for value in data[name].tolist()]


def write_table(data: pd.DataFrame, folder: Path, name: str, model: Model | None = None) -> Path:
    """Write rows as `name.csv` or, where a value would not be read again as it is, as `name.parquet`; return the file.

    The declarations of `model` decide how it is read. Raise `SlipwayError` when neither file can hold the rows.
    """
    file, other = folder / f"{name}.csv", folder / f"{name}.parquet"
    if not (changed := _changed(data, file, model)):
        return file
    file.unlink()
    problem = f"a CSV file does not hold {changed} as it is"
    try:
        data.to_parquet(other)
    except ImportError as error:
        fix = "install pyarrow (in requirements.txt, too), so that the rows are kept as Parquet"
        raise SlipwayError(problem, fix=fix) from error
    except Exception as error:  # pyarrow has many reasons
        problem = f"{problem}, nor does Parquet: {str(error).splitlines()[0]}"
        raise SlipwayError(problem, fix="make numbers, texts, truth values or dates of it in `read`") from error
    return other


def _changed(data: pd.DataFrame, file: Path, model: Model | None) -> str:
    """Write a CSV file and read it again; return in words what is no longer the same, or nothing."""
    try:
        data.to_csv(file, index=False)
        back = tables.read(file, ()) if model is None else Model.read(model, file)
    except (SlipwayError, UnicodeError):
        return "a text that is among the rows"
    data = tables.respelled(data, map(str, back))
    changed = (name for name in data if name not in back or not _alike(data[name], back[name]))
    return next((f"the column {name}" for name in changed), "")


def _alike(one: pd.Series[Any], other: pd.Series[Any]) -> bool:
    # A date and its text are the same value of JSON, and not the same to a model.
    if moments.kind_of(one) != moments.kind_of(other):
        return False
    return [json_value(value) for value in one] == [json_value(value) for value in other]


def read_snapshot(model: Model, path: Path) -> pd.DataFrame:
    """Read a snapshot of data by the model's class, unless it holds what the class itself got before.

    The columns are plain (see `tables.plain`), and spelled as the class spells them. Raise `SlipwayError` when the
    class reads anything but a DataFrame. What the class draws at random is the same each time.
    """
    set_seeds()
    found = tables.plain(Model.read(model, path) if SNAPSHOT in path.suffixes else table_of(model, path))
    return tables.conform(found, named(type(model)), [*model._learned, *declared(type(model))])  # noqa: SLF001


def table_of(model: Model, path: Path | None) -> pd.DataFrame:
    """Return what the class's `read` gives; raise `SlipwayError` for anything but a DataFrame with names as heads."""
    import pandas as pd

    found: Any = model.read(path)  # type: ignore[arg-type]  # as an override for `data: read()` expects
    name = f"{type(model).__name__}.read"
    if not isinstance(found, pd.DataFrame):
        problem = f"{name} gives {type(found).__name__}, and a DataFrame is needed"
        raise SlipwayError(problem, fix="return a pandas.DataFrame with a row for each case")
    if odd := [head for head in found.columns if not isinstance(head, str)]:
        problem = f"{name} gives the head {odd[0]!r}, which is no text"
        raise SlipwayError(problem, fix="name the columns: data.columns = ['length', …]")
    if not found.columns.is_unique:
        twice = sorted(set(found.columns[found.columns.duplicated()]))
        raise SlipwayError(f"{name} gives several columns {', '.join(map(repr, twice))}", fix="keep one of each name")
    return found


def json_value(value: Any) -> Any:
    """Return a cell as a value of JSON: None for NaN and NA, a text for a date, a list for an array, Python's types for
    those of numpy.
    """
    if hasattr(value, "item"):
        value = value.tolist() if getattr(value, "ndim", 0) else value.item()
    # Only NaN and NaT differ from themselves; with NA of pandas no comparison is true or false.
    return None if value is None or (value != value) is not False else moments.plain(value)


def _comparable(column: pd.Series[Any]) -> list[Any]:
    """Return numbers as floats, other values as text, and NaN for a missing value."""
    from pandas.api import types

    if types.is_numeric_dtype(column) and not types.is_bool_dtype(column):
        return column.astype("float64").tolist()
    if types.is_datetime64_any_dtype(column):
        days = map(json_value, column.tolist())
        return [math.nan if day is None else day.removesuffix("T00:00:00") for day in days]
    if arrays.width_of(column):  # the text of a long array leaves numbers out
        column = column.map(lambda cell: repr(json_value(cell)))
    # The text of a missing value depends on the version of pandas: 'nan', 'None', 'NaT', '<NA>'.
    texts = zip(column.astype(str).tolist(), column.isna().tolist(), strict=True)
    return [math.nan if missing else text for text, missing in texts]
