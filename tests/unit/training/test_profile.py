"""The table of columns that the step `check` shows, and what it finds odd."""

import pandas as pd
import pytest

from slipway.schema import Field
from slipway.training import profile

KIND = Field(name="kind", kind="string", categories=("large", "small"))
KINDS = ["large", "small"] * 15


def _line(field, values, texts=None, name="x"):
    """Return the line of the table that is about one column."""
    data = pd.DataFrame({name: values, "kind": KINDS})
    raw = pd.DataFrame({name: texts, "kind": KINDS}) if texts is not None else None
    return next(line for line in profile.table([field], [KIND], data, raw) if line.startswith(name))


def number(name="x"):
    return Field(name=name, kind="number")


def text(name="x"):
    return Field(name=name, kind="string")


@pytest.mark.parametrize(
    ("field", "values", "texts", "says"),
    [
        (number(), [float(n % 7) for n in range(30)], [f"0{n % 7}" for n in range(30)], "leading zeros"),
        (text(), [f"{n % 9},5" for n in range(30)], None, "decimal commas"),
        (text(), [f"{n % 9},500.25" for n in range(30)], None, "separators of thousands"),
        (text(), [f"word{n % 9} " for n in range(30)], None, "blanks at the ends"),
        (text(), [f"2026-01-{30 - n:02}" for n in range(30)], None, "dates, read as text"),
        (text(), [f"2026-01-{n + 1:02}" for n in range(30)], None, "dates, read as text"),
        (text(), [f"{n + 1}.{n % 12 + 1}.2026 10:30" for n in range(30)], None, "dates, read as text"),
        (number(), list(range(100, 130)), None, "as an identifier has"),
        (text("code"), [f"c{n * 7 % 30}" for n in range(30)], None, "as an identifier has"),
        (number(), [5.0] * 30, None, "always the same"),
        (text(), ["DE", None] * 15, ["DE", "NA"] * 15, "'NA' taken for missing"),
        (
            number(),
            [float(2**53 + n * 2) for n in range(30)],
            [str(2**53 + n) for n in range(30)],
            "beyond 2^53, rounded",
        ),
        (number(), [2**53 + 31 - n for n in range(30)], None, "beyond 2^53, rounded"),
        (number(), [2**70 + n % 2 for n in range(30)], None, "beyond 2^53, rounded"),
        (text(), ["L", "S"] * 15, None, "equals kind, which it is to predict"),
    ],
)
def test_what_looks_odd_is_said_beside_the_column(field, values, texts, says):
    """Each of these is usually a mistake in the data or in how it is read."""
    assert says in _line(field, values, texts, field.name)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        (number(), [n * 1.5 for n in range(30)]),
        (number(), [n * 7 % 30 for n in range(30)]),
        (text(), ["red", "green", "blue"] * 10),
        (text(), ["red", None, "blue"] * 10),
        (number(), [n % 7 * 1e20 for n in range(30)]),
        (number(), [2**53 - n * 7 % 30 for n in range(30)]),
        (text(), [f"a sentence, number {n}, of 5,000 words" for n in range(30)]),
    ],
)
def test_ordinary_columns_look_odd_in_nothing(field, values):
    """A measure, a count, a colour and free text."""
    line = _line(field, values)
    assert [
        word
        for word in ("identifier", "commas", "dates", "blanks", "same", "equals", "taken", "rounded")
        if word in line
    ] == []


def test_the_table_tells_range_classes_gaps_and_unused_columns():
    """People see at a glance what was taken for what."""
    data = pd.DataFrame({"x": [1.5, None, 4.0] * 10, "spare": 1, "kind": KINDS})
    head, first, target, unused = profile.table([number()], [KIND], data)
    assert head.split() == ["column", "kind", "holds", "missing", "examples", "looks", "odd"]
    assert "1.5 to 4" in first
    assert " 10 " in first
    assert "2: large, small" in target
    assert unused == "for `train` alone, no caller gives them: spare"


def test_of_very_many_columns_the_odd_ones_come_first():
    """A table of hundreds of lines would hide them."""
    names = [f"c{n}" for n in range(60)]
    data = pd.DataFrame({name: [n * 1.5 for n in range(30)] for name in names} | {"kind": KINDS})
    data["c59"] = 1.0
    lines = list(profile.table([number(name) for name in names], [KIND], data))
    assert lines[1].startswith("c59")
    assert lines[-1] == "… and 21 columns more"


def test_control_characters_of_the_data_reach_no_terminal():
    """A value could otherwise move the cursor or start a command of a runner."""
    line = _line(text(), ["a\x1b[2J\n::warning::b"] * 30)
    assert line.isprintable()
