"""Tables are read as the fields declare them, and rows of another length than the heads are refused."""

import bz2
import gzip
import lzma
from decimal import Decimal

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
        ("a,b\n1,2\n3\n", "line 3 has 1 value, and the heads are 2"),
        ('a,b\n"x\ny",2\n1,2,3\n', "line 4 has 3 values, and the heads are 2"),
        ('a,b\n1,2\n"x,2\n3,4\n', "the row from line 3 to line 4, by its quotation marks, has 1 value"),
        ("a;b\n1,5;2,5\n", "its heads are divided by ';'"),
        ("\n\na,b\n1,2,3\n", "line 4 has 3 values, and the heads are 2"),
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


def test_heads_stand_in_the_first_line_that_is_not_blank(tmp_path):
    """Pandas reads it so, and the check of the lines has to agree."""
    assert _read(tmp_path, "\n\na,b\n1,2\n").to_dict("list") == {"a": [1], "b": [2]}
    assert tables.heads(tmp_path / "data.csv") == ["a", "b"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (gzip.compress(b"a\n1\n"), "packed by gzip.*csv.gz"),
        (b"PK\x03\x04", "a ZIP file"),
        (b"PAR1", "a Parquet file"),
        (b"\xef\xbb\xbf\n<!doctype HTML>\n<html>", "a page in HTML.*login"),
        (b"<HTML>\n", "a page in HTML"),
        ("a,b\n1,2\n".encode("utf-16"), "text in UTF-16"),
    ],
    ids=["gzip", "zip", "parquet", "page", "bare page", "utf-16"],
)
def test_a_file_of_another_form_is_named(tmp_path, content, says):
    """A page that asks for a login is no table with one column."""
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(SlipwayError, match=f"(?s){says}"):
        tables.read(tmp_path / "a.csv", [])


WHOLE = {
    ".gz": gzip.compress(b"a,b\n" + b"1,2\n" * 99),
    ".bz2": bz2.compress(b"a,b\n1,2\n"),
    ".xz": lzma.compress(b"a\n1"),
}


@pytest.mark.parametrize("ending", WHOLE)
@pytest.mark.parametrize(
    "spoil",
    [
        lambda whole: whole[: len(whole) // 2],
        lambda whole: b"a,b\n1,2\n"[: len(whole)],
        lambda whole: whole[:-12] + bytes(12),
    ],
    ids=["half", "not packed", "other end"],
)
def test_a_packed_file_that_is_not_whole_is_refused(tmp_path, ending, spoil):
    """Half of the rows are never taken for all of them."""
    path = tmp_path / f"a.csv{ending}"
    path.write_bytes(spoil(WHOLE[ending]))
    with pytest.raises(SlipwayError, match="no whole file of the kind"):
        tables.read(path, [])


@pytest.mark.parametrize(
    ("column", "expected", "kind"),
    [
        (pd.array([1, 2], "Int64"), [1, 2], "i"),
        (pd.array([1, None], "Int64"), [1.0, None], "f"),
        (pd.array([2**63], "UInt64"), [2**63], "u"),
        (pd.array([0.5, None], "Float64"), [0.5, None], "f"),
        (pd.array([True, False], "boolean"), [True, False], "b"),
        (pd.array([True, None], "boolean"), [True, None], "O"),
        ([Decimal("0.25"), None], [0.25, None], "f"),
        (pd.arrays.SparseArray([0, 1]), [0, 1], "f"),
        (["a", None], ["a", None], "O"),
    ],
)
def test_a_plain_table_has_types_of_numpy(column, expected, kind):
    """Neither estimators nor JSON know pandas's NA, or Decimals."""
    found = tables.plain(pd.DataFrame({"a": column}))["a"]
    assert [None if pd.isna(value) else value for value in found] == expected
    assert found.dtype.kind == kind
    assert all(value is not pd.NA for value in found)


def test_texts_with_gaps_become_plain_texts():
    """A text that is missing is NaN, as in a table from CSV."""
    found = tables.plain(pd.DataFrame({"a": pd.array(["x", None], "string")}))["a"]
    assert found.dtype == pd.Series(["text"]).dtype
    assert found.isna().tolist() == [False, True]


NFC, NFD = "Gr\u00f6\u00dfe", "Gro\u0308\u00dfe"


@pytest.mark.parametrize(("inside", "declared"), [(NFC, NFD), (NFD, NFC), ("\u00b5g", "\u03bcg")])
def test_a_column_in_another_form_of_unicode_is_read_as_its_field(tmp_path, inside, declared):
    """Its digits stay digits, as for any text, and it gets the field's own name."""
    table = _read(tmp_path, f"{inside},x\n01234,1\n", Field(name=declared, kind="string"))
    assert table.to_dict("list") == {declared: ["01234"], "x": [1]}


def test_names_of_columns_are_composed(tmp_path):
    """Those that no field declares, too."""
    table = _read(tmp_path, f"{NFD},x\n1,1\n")
    assert list(table) == [NFC, "x"]
    assert tables.heads(tmp_path / "data.csv") == list(tables.texts(tmp_path / "data.csv", 1)) == [NFC, "x"]


@pytest.mark.parametrize(("one", "other"), [(NFC, NFD), ("\u00b5g", "\u03bcg")])
def test_two_columns_that_are_one_name_are_refused(tmp_path, one, other):
    """Nobody could tell them apart; the message does."""
    with pytest.raises(SlipwayError, match="are one name in two forms of Unicode") as caught:
        _read(tmp_path, f"{one},{other}\n1,2\n")
    assert ascii(one) in caught.value.problem
    assert ascii(other) in caught.value.problem


def test_texts_of_declared_categories_get_their_spelling():
    """The model then trains on what callers are held to."""
    data = pd.DataFrame({NFD: ["cafe\u0301", "tea", None, "other"]})
    declared = Field(name=NFC, kind="string", categories=("caf\u00e9", "tea"))
    found = tables.conform(data, [NFC], [declared])
    assert found[NFC].dropna().tolist() == ["caf\u00e9", "tea", "other"]
