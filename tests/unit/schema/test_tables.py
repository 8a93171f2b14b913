"""Tables are read as the fields declare them, and rows of another length than the heads are refused."""

import bz2
import gzip
import lzma

import pandas as pd
import pytest

from slipway.errors import SlipwayError
from slipway.schema import Field, tables

CODE = Field(name="code", kind="string")
MAYBE = Field(name="code", kind="string", optional=True)
COUNTRY = Field(name="code", kind="string", categories=("NA", "DE", "None"), optional=True)
NUMBER = Field(name="code", kind="integer", optional=True)


def _read(tmp_path, text, *fields, name="data.csv"):
    path = tmp_path / name
    path.write_text(text)
    return tables.read(path, fields)


@pytest.mark.parametrize(
    ("field", "cells", "expected"),
    [
        (CODE, ["01234", "1e5", "True", "NA", "nan"], ["01234", "1e5", "True", "NA", "nan"]),
        (CODE, ["a", ""], ["a", None]),
        (MAYBE, ["01234", "NA", ""], ["01234", None, None]),
        (COUNTRY, ["NA", "DE", "None", "", "null"], ["NA", "DE", "None", None, None]),
        (NUMBER, ["1", "", "3"], [1.0, None, 3.0]),
        (NUMBER, ["9007199254740993", "2"], [9007199254740993, 2]),
    ],
)
def test_a_column_is_read_as_its_field_declares(tmp_path, field, cells, expected):
    """A text that a field names is never a gap, digits of a text stay, and whole numbers are exact."""
    table = _read(tmp_path, "code,x\n" + "".join(f"{cell},1\n" for cell in cells), field)
    assert [None if pd.isna(value) else value for value in table["code"]] == expected


def test_columns_of_no_field_are_guessed_as_pandas_guesses(tmp_path):
    """Columns that no declaration names are numbers where all values are."""
    table = _read(tmp_path, "code,x\n01234,1\n,2.5\n", Field(name="x", kind="number"))
    assert (table["code"].iloc[0], table["x"].tolist()) == (1234.0, [1.0, 2.5])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n1,2,\n3,4\n", "line 2 has 3 values, and the heads are 2"),
        ("a,b\n1,2\n3\n", "line 3 has 1 values, and the heads are 2"),
        ('a,b\n"x\ny",2\n1,2,3\n', "line 4 has 3 values, and the heads are 2"),
        ("a,b,a\n1,2,3\n", "several columns 'a'"),
        ("code,b\n9007199254740993,1\n,2\n", "column code has whole numbers beyond 2\\^53"),
        ("code,b\n9007199254740993.0,1\n", "column code has whole numbers beyond 2\\^53"),
    ],
)
def test_a_table_that_would_be_misread_is_refused(tmp_path, text, says):
    """The message names the line, or the column."""
    with pytest.raises(SlipwayError, match=says):
        _read(tmp_path, text, NUMBER)


def test_blank_lines_and_a_byte_order_mark_are_no_rows(tmp_path):
    """Spreadsheets write both."""
    assert _read(tmp_path, "\ufeffa,b\n1,2\n\n3,4\n").to_dict("list") == {"a": [1, 3], "b": [2, 4]}


@pytest.mark.parametrize(
    ("name", "pack"),
    [("a.csv.gz", gzip.compress), ("a.csv.bz2", bz2.compress), ("a.csv.xz", lzma.compress), ("a.b.csv", bytes)],
)
def test_packed_tables_are_read_by_their_ending(tmp_path, name, pack):
    """Heads and rows are unpacked alike."""
    path = tmp_path / name
    path.write_bytes(pack(b"code,x\n007,1\n"))
    assert tables.heads(path) == ["code", "x"]
    assert tables.read(path, [CODE])["code"].tolist() == ["007"]


def test_tabs_divide_the_columns_of_a_tsv(tmp_path):
    """A comma is part of the text there."""
    assert _read(tmp_path, "code\tx\n1,5\t2\n", CODE, name="a.tsv").to_dict("list") == {"code": ["1,5"], "x": [2]}


def test_parquet_names_the_library_that_it_needs(tmp_path):
    """It is large, so only models whose data are Parquet have it."""
    (tmp_path / "a.parquet").write_bytes(b"PAR1")
    with pytest.raises(SlipwayError, match="nothing that reads Parquet is installed") as caught:
        tables.read(tmp_path / "a.parquet", [])
    assert "pyarrow" in caught.value.fix
