"""The place of the data, its columns, the rows held out, and rows as JSON."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from slipway.errors import SlipwayError
from slipway.model import Model
from slipway.models.data import (
    columns,
    data_source,
    hashes,
    held_out,
    json_value,
    local_path,
    records,
    scheme,
    table_of,
    write_table,
)
from slipway.settings.types import Data

ROOT = Path("/repository")
COLUMNS = ["a", "b", "kind"]
DATA = pd.DataFrame({"a": range(1000), "b": [n / 7 for n in range(1000)], "kind": ["x", "y"] * 500})


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("data/iris.csv", "/repository/data/iris.csv"),
        ("/data/iris.csv", "/data/iris.csv"),
        ("file:data/iris.csv", "/repository/data/iris.csv"),
        ("file:///data/iris.csv", "/data/iris.csv"),
        ("data/a#b?c:d[1.csv", "/repository/data/a#b?c:d[1.csv"),
        ("file:///data/a#b?c.csv", "/data/a#b?c.csv"),
        ("gs://bucket/iris.csv", None),
        ("ftp://host/iris.csv", None),
    ],
)
def test_a_path_is_taken_as_it_is_written(uri: str, path: str | None) -> None:
    """No letter has a special meaning. A URI with another scheme is not a local file."""
    assert local_path(uri, ROOT) == (path and Path(path))


@pytest.mark.parametrize(
    ("uri", "found"), [("gs://bucket/object", "gs"), ("data.csv", ""), ("a:b.csv", ""), ("file:a://b.csv", "file")]
)
def test_a_scheme_is_what_stands_before_two_slashes(uri: str, found: str) -> None:
    """For files, `file:` is enough."""
    assert scheme(uri) == found


@pytest.mark.parametrize(
    ("files", "models", "source"),
    [
        ([], "", None),
        (["a.csv"], "", Data(uri="model/good/a.csv")),
        (["a.csv", "b.csv"], "", None),
        (["a.csv", "._a.csv"], "", Data(uri="model/good/a.csv")),
        (["a.csv", "b.csv"], "models: {good: {data: 'gs://b/{date}.csv'}}", Data(uri="gs://b/{date}.csv")),
        ([], f"models: {{good: {{data: {{uri: x, sha256: {'ab' * 32}}}}}}}", Data(uri="x", sha256="ab" * 32)),
    ],
)
def test_the_data_come_from_the_settings_or_the_one_csv_file(repository, files, models, source):
    """With two files, none is chosen."""
    for name in files:
        repository.write(f"model/good/{name}")
    repository.write("model/good/model.py").configure(models)
    assert data_source(repository.settings, "good") == source


@pytest.mark.parametrize("uri", ["a#b.csv", "file:a#b.csv"])
def test_the_columns_of_the_file_that_training_reads(tmp_path: Path, uri: str) -> None:
    """No letter of its name has a special meaning."""
    (tmp_path / "a#b.csv").write_text("\ufeffwidth,height\n1,2\n", encoding="utf-8")
    assert columns(uri, tmp_path) == ["width", "height"]


@pytest.mark.parametrize("uri", ["gs://bucket/a.csv", "none.csv", "a.parquet"])
def test_columns_of_other_data_have_to_be_named(tmp_path: Path, uri: str) -> None:
    """The message names the setting."""
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(SlipwayError, match="are not known") as caught:
        columns(uri, tmp_path)
    assert "features: […]" in caught.value.fix


def test_about_the_fraction_asked_for_is_held_out():
    """About a fifth of 1,000 rows is held out."""
    assert 150 < held_out(DATA, COLUMNS, 0.2).sum() < 250


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.sample(frac=1, random_state=3),
        lambda data: data[["kind", "b", "a"]],
        lambda data: data.assign(note="later"),
        lambda data: data.astype({"a": float}),
        lambda data: pd.concat([data, data.assign(a=-1)], ignore_index=True),
    ],
    ids=["other order", "columns moved", "column added", "integers as floats", "rows added"],
)
def test_a_row_once_held_out_always_is(change):
    """Only the row's own values count."""
    before = {tuple(row) for row in DATA[held_out(DATA, COLUMNS, 0.2)].itertuples(index=False)}
    data = change(DATA)
    out = data[held_out(data, COLUMNS, 0.2)]
    after = {(int(row.a), row.b, row.kind) for row in out[out.a >= 0].itertuples()}
    assert after == before


GAPS = pd.DataFrame(
    {
        "number": [1.5, None, 3.0],
        "text": pd.Series(["a", None, "c"], dtype=object),
        "truth": pd.Series([True, None, False], dtype=object),
        "day": pd.to_datetime(pd.Series(["2026-01-02", None, "2026-01-04"])),
    }
)
NUMBERS = [0xBFF2A2DBFA20D4D5, 0x91A610EE750F54A4, 0x484CFAACFC9713F6]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("infer_string", [True, False], ids=["as pandas 3", "as pandas 2"])
def test_a_row_with_missing_values_has_the_same_hash_in_every_pandas(infer_string):
    """The numbers never change. Otherwise, a row that was trained on would be measured on."""
    with pd.option_context("future.infer_string", infer_string):
        assert hashes(GAPS, list(GAPS)) == NUMBERS


def test_rows_that_are_equal_are_held_out_one_by_one():
    """About the fraction of each group of equal rows is held out."""
    data = pd.DataFrame({"grade": [1, 2, 3, 4] * 500, "kind": ["x", "y", "y", "y"] * 500})
    out = held_out(data, ["grade", "kind"], 0.2)
    assert data[out].grade.value_counts().between(60, 140).all()
    longer = pd.concat([data, data.sample(frac=1, random_state=3)], ignore_index=True)
    assert held_out(longer, ["grade", "kind"], 0.2)[: len(data)].equals(out)


def test_more_held_out_keeps_those_that_were():
    """A larger fraction only adds rows."""
    few, many = held_out(DATA, COLUMNS, 0.1), held_out(DATA, COLUMNS, 0.3)
    assert (many | ~few).all()
    assert many.sum() > few.sum()


def test_rows_become_json_values():
    """Cells have Python's types, and a missing one is None."""
    frame = pd.DataFrame({"n": [1.5, None], "s": ["a", None], "b": [True, False]})
    assert records(frame, ["n", "s", "b"]) == [{"n": 1.5, "s": "a", "b": True}, {"n": None, "s": None, "b": False}]
    assert type(json_value(frame["n"].to_numpy()[0])) is float


@pytest.mark.parametrize("value", [None, float("nan"), np.float64("nan"), pd.NaT, pd.NA])
def test_whatever_is_missing_is_null(value):
    """Pandas has five words for it."""
    assert json_value(value) is None


@pytest.mark.parametrize(
    ("value", "found"), [(np.array([1, 2]), [1, 2]), (np.int64(3), 3), (np.array(0.5), 0.5), (np.True_, True), ("", "")]
)
def test_values_of_numpy_are_those_of_python(value, found):
    """An array in a cell is a list."""
    assert json_value(value) == found
    assert type(json_value(value)) is type(found)


class Reading(Model):
    """Reads what the case says."""

    def __init__(self, found):
        super().__init__()
        self.found = found

    def read(self, path):
        return self.found if path is None else None


ROWS = pd.DataFrame({"a": [1], "b": ["x"]})


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (None, "gives NoneType, and a DataFrame is needed"),
        (ROWS["a"], "gives Series"),
        ((row for row in ()), "gives generator"),
        ([{"a": 1}], "gives list"),
        (ROWS.set_axis(["a", 0], axis=1), "gives the head 0, which is no text"),
        (ROWS.set_axis(["a", "a"], axis=1), "several columns 'a'"),
        (ROWS.set_axis(pd.MultiIndex.from_product([["a", "b"], ["x"]])[:2], axis=1), "which is no text"),
    ],
    ids=["nothing", "series", "generator", "list", "number as head", "one name twice", "levels"],
)
def test_a_class_reads_a_table_with_names(found, says):
    """The message says what it gave."""
    with pytest.raises(SlipwayError, match=f"Reading.read gives .*{says.removeprefix('gives ')}"):
        table_of(Reading(found), None)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (["x\ry", "z"], "a text that is among the rows"),
        (["\ud800", "z"], "a text that is among the rows"),
        (["007", "01"], "the column b"),
        (["NA", "x"], "the column b"),
    ],
    ids=["line end", "half a letter", "digits", "word for a gap"],
)
def test_rows_that_csv_changes_are_not_kept_as_csv(tmp_path, values, says):
    """Half of a surrogate pair fits nowhere; all else fits into Parquet."""
    with pytest.raises(SlipwayError, match=f"a CSV file does not hold {says} as it is"):
        write_table(pd.DataFrame({"a": [1, 2], "b": pd.Series(values, dtype=object)}), tmp_path, "rows")
    assert not list(tmp_path.glob("*.csv"))
