"""Dates and times as texts, objects and columns: none is taken for another."""

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest

from slipway.schema import Columns, Field, Schema, moments

PLUS_TWO = timezone(timedelta(hours=2))
DAY, NOON = date(2026, 1, 31), datetime(2026, 1, 31, 12)
KINDS = ("date", "datetime", "instant")
VALUES = {"date": DAY, "datetime": NOON, "instant": NOON.replace(tzinfo=UTC)}
DTYPES = {"date": "datetime64[s]", "datetime": "datetime64[us]", "instant": "datetime64[us, UTC]"}
TEXTS = {"date": "2026-01-31", "datetime": "2026-01-31T12:00:00", "instant": "2026-01-31T12:00:00Z"}


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("date", "2024-02-29", date(2024, 2, 29)),
        ("datetime", "2026-01-31T12:00", NOON),
        ("datetime", "2026-01-31 12:00:00.25", NOON.replace(microsecond=250_000)),
        ("instant", "2026-01-31T12:00:00Z", NOON.replace(tzinfo=UTC)),
        ("instant", "2026-01-31t14:00:00.000001+02:00", NOON.replace(tzinfo=UTC, microsecond=1)),
        ("instant", "2026-01-31T12:00:00-00:00", NOON.replace(tzinfo=UTC)),
    ],
)
def test_a_text_of_iso_8601_is_a_date_or_a_time(kind, text, value):
    """An instant is in UTC, whatever its offset was."""
    found = moments.parse(kind, text)
    assert found == value
    assert getattr(found, "tzinfo", None) is getattr(value, "tzinfo", None)


@pytest.mark.parametrize(
    ("kind", "text", "says"),
    [
        ("date", "31.01.2026", r"is needed, not '31.01.2026'; did you mean '2026-01-31'\?"),
        ("date", "1/31/2026", r"did you mean '2026-01-31'\?"),
        ("date", "2026/1/31", r"did you mean '2026-01-31'\?"),
        ("date", "20260131", r"did you mean '2026-01-31'\?"),
        ("date", "01.02.2026", r"a date \(2026-01-31\) is needed, not '01.02.2026'$"),
        ("date", "31.02.2026", r"is needed, not '31.02.2026'$"),
        ("date", "2026-02-30", "'2026-02-30' is no date: day is out of range"),
        ("date", "2026-01-31T00:00:00", "which has a time"),
        ("date", "2026-W05", "is needed"),
        ("date", "\uff12026-01-31", "is needed"),
        ("date", " 2026-01-31", "is needed"),
        ("datetime", "2026-01-31", "which has no time"),
        ("datetime", "2026-01-31T12:00Z", "which has a zone"),
        ("datetime", "2026-01-31T24:00", "is needed"),
        ("datetime", "2026-01-31T12:00:60", "is needed"),
        ("datetime", "2026-01-31T12:00:00.1234567", "at most 6 digits"),
        ("instant", "2026-01-31T12:00", "which has no zone: add Z for UTC"),
        ("instant", "2026-01-31T12:00:00.1234567Z", "at most 6 digits"),
        ("instant", "0001-01-01T00:00+00:01", "is no time"),
        ("instant", "2026-01-31T12:00+24:00", "is needed"),
    ],
)
def test_another_text_is_refused_with_what_may_be_meant(kind, text, says):
    """A day whose order is not sure is not guessed."""
    with pytest.raises(ValueError, match=says):
        Field(name="x", kind=kind).parse(text)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("value", [None, 5, 1.5, True, [], {}, ""])
def test_a_value_of_another_type_is_refused(kind, value):
    """Also no number of seconds."""
    with pytest.raises(ValueError, match="is needed"):
        Field(name="x", kind=kind).parse(value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
def test_kinds_never_mix(kind, other):
    """Neither as text nor as object nor in a column."""
    column = pd.Series([VALUES[other], None], dtype=object)
    if kind == other:
        assert Field(name="x", kind=kind).parse(VALUES[other]) == VALUES[kind]
        assert moments.text_of(VALUES[kind]) == TEXTS[kind]
        assert moments.kind_in([TEXTS[kind]] * 2) == moments.kind_of(column) == kind
        return
    for given in (VALUES[other], TEXTS[other]):
        with pytest.raises(ValueError, match="is needed"):
            Field(name="x", kind=kind).parse(given)
    with pytest.raises(ValueError, match="is needed"):
        moments.series(column, kind)
    assert moments.kind_in([TEXTS[kind], TEXTS[other]]) is None
    assert moments.kind_of(pd.Series([VALUES[kind], VALUES[other]], dtype=object)) is None


@pytest.mark.parametrize(("kind", "dtype"), DTYPES.items())
def test_a_column_has_one_type_whatever_it_was_made_of(kind, dtype):
    """Texts, objects and each unit of pandas; what is missing is NaT."""
    value = VALUES[kind]
    made = [[TEXTS[kind], None], [value, None], [value, float("nan")], pd.to_datetime([value, None])]
    for each in made:
        found = moments.series(pd.Series(each, dtype=object), kind)
        assert str(found.dtype) == dtype
        assert found.isna().tolist() == [False, True]
        assert moments.plain(found[0]) == TEXTS[kind]
        assert moments.series(found, kind) is found
        assert moments.kind_of(found) == kind
    if kind == "instant":
        assert moments.series(pd.Series([NOON.replace(hour=14, tzinfo=PLUS_TWO)]), kind)[0] == value


@pytest.mark.parametrize("kind", KINDS)
def test_a_column_of_rows_is_that_of_a_table(kind):
    """`by_column` and a DataFrame have the same numbers, to the unit."""
    schema = Schema(fields=(Field(name="x", kind=kind, optional=True),), target=Field(name="y", kind="number"))
    columns = Columns.of(schema, schema.parse([{"x": TEXTS[kind]}, {}]))
    table = moments.series(pd.Series([TEXTS[kind], None]), kind)
    bare = (table if kind != "instant" else table.dt.tz_localize(None)).to_numpy()
    assert columns["x"].dtype == bare.dtype
    assert np.array_equal(columns["x"], bare, equal_nan=True)
    assert columns.dicts()[0]["x"] == VALUES[kind]
    assert Columns.fitting(schema, {"x": [TEXTS[kind], None]}, 2).dicts() == columns.dicts()
    assert Columns.fitting(schema, {"x": ["soon", None]}, 2) is None


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (np.array(["2026-01-31", "NaT"], "datetime64[D]"), ["2026-01-31", None]),
        (np.array(["2026-01-31"], "datetime64[s]"), ["2026-01-31"]),
        (np.array(["2026-01-31T12:00"], "datetime64[ns]"), ["2026-01-31T12:00:00"]),
        (
            np.array(["2026-01-31", "2026-01-31T12:00"], "datetime64[us]"),
            ["2026-01-31T00:00:00", "2026-01-31T12:00:00"],
        ),
    ],
)
def test_predictions_of_numpy_become_texts(values, texts):
    """Days stay days."""
    assert moments.plain_of(values) == texts
    assert [moments.plain_of(value) for value in values] == texts


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        ("date", {"type": "string", "format": "date"}),
        ("datetime", {"type": "string", "format": "date-time-local"}),
        ("instant", {"type": ["string", "null"], "format": "date-time"}),
    ],
)
def test_the_json_schema_names_the_format(kind, schema):
    """By it, generated clients take and give objects of dates."""
    assert Field(name="x", kind=kind, optional=kind == "instant").to_json_schema() == schema
