"""Data is checked against the schema."""

import gzip

import msgspec
import pytest

from slipway.artifacts import load
from slipway.errors import SlipwayError
from slipway.schema import Schema
from slipway.training.steps.check import summary

HEAD = "length,width,colour,kind\n"
ROWS = [f"{3 + n % 2 * 3}.{n},1.{n},{('red', 'green')[n % 2]},{('small', 'large')[n % 2]}" for n in range(60)]
TYPED = """
import dataclasses, enum
from typing import Annotated
from slipway.model import Model, Range

class Kind(enum.StrEnum):
    SMALL = "small"
    LARGE = "large"

@dataclasses.dataclass
class Row:
    length: Annotated[float, Range(0, 9, unit="cm")]
    width: float | None

class Fruit(Model):
    input = Row
    output = Kind
    target_variable = "kind"
    def train(self, data): pass
    def predict(self, rows): return [Kind.SMALL for row in rows]
"""


def test_the_types_of_named_columns_are_learned_from_the_data(team):
    """Numbers stay numbers, and few texts become categories."""
    team.data(HEAD + "\n".join(ROWS))
    schema = msgspec.json.decode((team.run("fetch", "check") / "schema.json").read_bytes(), type=Schema)
    assert [(field.name, field.kind, field.categories) for field in schema.fields] == [
        ("length", "number", ()),
        ("width", "number", ()),
        ("colour", "string", ("green", "red")),
    ]
    assert schema.target.categories == ("large", "small")


@pytest.mark.parametrize(
    ("rows", "at", "kind"),
    [
        ([row.replace("red", "True").replace("green", "False") for row in ROWS] + ["1,1,,small"], 2, "boolean"),
        ([*ROWS, "1,1,,small"], 2, "string"),
        ([*ROWS, ",1,red,small"], 0, "number"),
    ],
)
def test_a_learned_column_with_gaps_becomes_optional_and_says_so(team, rows, at, kind):
    """The data show that a value may be missing, so a caller may leave it out."""
    team.data(HEAD + "\n".join(rows))
    folder = team.run("fetch", "check")
    schema = msgspec.json.decode((folder / "schema.json").read_bytes(), type=Schema)
    assert (schema.fields[at].kind, schema.fields[at].optional) == (kind, True)
    assert not schema.fields[1].optional
    assert f"may be missing: {schema.fields[at].name}" in summary(schema)


def test_text_that_hardly_repeats_is_no_category(team):
    """Sentences stay free text, so a caller may send another one."""
    team.data(HEAD + "\n".join(f"{3 + n % 2 * 3},1,sentence {n},{('small', 'large')[n % 2]}" for n in range(60)))
    schema = msgspec.json.decode((team.run("fetch", "check") / "schema.json").read_bytes(), type=Schema)
    assert schema.fields[2].categories == ()


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("", "is empty"),
        (HEAD, "has no rows"),
        ("length,width,color,kind\n1,1,red,small\n", "no column 'colour'.*did you mean 'color'"),
        (
            HEAD + "\n".join([*ROWS, "long,1,red,small"]),
            "column length, row 61: a number is needed, not a string: 'long'",
        ),
        (HEAD + "\n".join([*ROWS, "1,1,red,small,"]), "line 62 has 5 values, and the heads are 4"),
        (HEAD + "\n".join([ROWS[0] + ",", *ROWS]), "line 2 has 5 values, and the heads are 4"),
        (HEAD + "\n".join([*ROWS, "1,1,red"]), "line 62 has 3 values, and the heads are 4"),
        (HEAD + "\n".join([*ROWS, "inf,1,red,small"]), "column length, row 61: is not a finite number"),
        (HEAD + "\n".join([*ROWS, "1,1,red,"]), "column kind, row 61: has no value"),
        (HEAD + "\n".join(row for row in ROWS if "small" in row), "only the class 'small'"),
        (HEAD + "\n".join(ROWS[:1]), "none of 1 row is left to"),
        (HEAD + '1,1,"red,small\n', "cannot be read"),
        ("length,width,colour,width,kind\n1,2,red,3,small\n", "has several columns 'width'"),
        (HEAD.replace(",", ";") + "1;1;red;small\n", "no column 'length'.*columns are divided by commas"),
    ],
    ids=[
        "empty",
        "no rows",
        "no column",
        "text",
        "more values",
        "more values in the first row",
        "fewer values",
        "infinite",
        "no target",
        "one class",
        "one row",
        "broken",
        "twice",
        "semicolons",
    ],
)
def test_bad_data_is_refused_with_column_and_row(team, rows, says):
    """The message says what is wrong and where, counting rows as a spreadsheet without its heads does."""
    team.data(rows)
    with pytest.raises(SlipwayError, match=f"(?s){says}"):
        team.run("fetch", "check")
    assert not (team.root / "run" / "check").exists()


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("12,1,large", "column length, row 61: 12.0 is above the maximum 9 cm"),
        ("3,1,medium", "column kind, row 61: .*'medium'"),
        ("3,,small", None),
    ],
)
def test_declared_types_are_enforced(team, row, says):
    """Ranges, classes and what may be missing come from the types."""
    (team.folder / "model.py").write_text(TYPED)
    team.data(
        "length,width,kind\n" + "\n".join([f"{n / 9},{n},{('small', 'large')[n % 2]}" for n in range(60)] + [row])
    )
    if says is None:
        team.run("fetch", "check")
    else:
        with pytest.raises(SlipwayError, match=says):
            team.run("fetch", "check")


def test_a_class_that_is_only_held_out_is_refused(team):
    """A class that is not in the training rows cannot be learned."""
    for number in range(40):
        team.data(HEAD + "\n".join([*ROWS, f"{number},1,red,odd"]))
        try:
            team.run("fetch", "check")
        except SlipwayError as error:
            assert "no row to train on has the class 'odd' of kind" in str(error)
            return
    pytest.fail("of 40 single rows of a class one is held out")


@pytest.mark.parametrize(("heads", "says"), [("colour", None), ("width", "has several columns 'width'")])
def test_packed_data_is_checked_like_any_other(team, heads, says):
    """The ending of the file's name decides how the heads are unpacked."""
    (team.folder / "fruit.csv").unlink()
    text = HEAD.replace("colour", heads) + "\n".join(ROWS)
    (team.folder / "fruit.csv.gz").write_bytes(gzip.compress(text.encode()))
    team.configure("models:\n  fruit: {data: model/fruit/fruit.csv.gz}\n")
    if says is None:
        rows = msgspec.json.decode((team.run("fetch", "check") / "rows.json").read_bytes())
        assert rows["rows"] == len(ROWS)
    else:
        with pytest.raises(SlipwayError, match=says):
            team.run("fetch", "check")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (
            [*ROWS, *["-,1,red,small"] * 3, "1,1,red,"],
            "column length, row 61 and 2 rows more: a number is needed, not a string: '-'\n  column kind, row 64: has"
            " no value; a string is needed\n  → leave rows without kind out",
        ),
        ([*ROWS, "n/k,1,red,small"], "leave the cell empty, or make it NaN in `read`"),
    ],
    ids=["each mistake once", "a text for a gap"],
)
def test_each_mistake_is_told_once_with_what_to_do(team, rows, says):
    """A mistake in every row hides no other, and the fix is that of the column."""
    team.data(HEAD + "\n".join(rows))
    with pytest.raises(SlipwayError) as caught:
        team.run("fetch", "check")
    assert says in str(caught.value)


READS = """
from slipway.model import Model

class Fruit(Model):
    source_features = ["length"]
    target_variable = "kind"
    def read(self, path):
        import datetime
        import pandas as pd
        data = pd.read_csv(path)
        return data.assign(length=[VALUE for n in range(len(data))])
    def train(self, data): pass
    def predict(self, rows): return ["small" for row in rows]
"""


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("pd.Timestamp('2026-01-31') if n % 2 else 'soon'", "Timestamp"),
        ("datetime.date(2026, 1, n % 28 + 1) if n % 2 else 2", "date"),
        ("datetime.timedelta(n)", "Timedelta"),
        ("[n, 2][: n % 2 + 1]", "list"),
        ("['a', 'b']", "list"),
        ("{'n': n}", "dict"),
        ("b'n' if n % 2 else 'n'", "bytes"),
    ],
)
def test_values_that_no_caller_can_send_are_refused_by_column(team, value, kind):
    """JSON has no durations and the like, nor has a column two kinds: one line says so."""
    team.data(HEAD + "\n".join(ROWS))
    (team.folder / "model.py").write_text(READS.replace("VALUE", value))
    with pytest.raises(SlipwayError, match=f"column length: holds {kind}, which JSON has not: make numbers or texts"):
        team.run("fetch", "check")


DECLARED = """
import dataclasses
from slipway.model import PipelineModel

@dataclasses.dataclass
class Row:
    length: int

class Fruit(PipelineModel):
    input = Row
    target_variable = "kind"
    def pipeline(self): pass
"""


def test_whole_numbers_that_a_pipeline_rounds_are_refused(team):
    """Two identifiers that differ by one would be the same number to it."""
    (team.folder / "model.py").write_text(DECLARED)
    team.data("length,kind\n" + "\n".join(f"{2**53 + n},{('small', 'large')[n % 2]}" for n in range(60)))
    with pytest.raises(SlipwayError, match=r"column length, row 2: has whole numbers beyond 2\^53, which a pipeline"):
        team.run("fetch", "check")
    team.data("length,kind\n" + "\n".join(f"{2**53 - n},{('small', 'large')[n % 2]}" for n in range(60)))
    team.run("fetch", "check")


def test_too_few_groups_are_not_called_too_few_rows(team):
    """More rows would not help: a hash decides for each group."""
    team.data(HEAD + "\n".join(ROWS))
    team.configure("models: {fruit: {split: {group: kind}, held_out: 0.001}}\n")
    with pytest.raises(SlipwayError, match=r"of 60 rows, none is left to hold out: .* 0 of 2\n.*too few for it"):
        team.run("fetch", "check")


UNICODE = """
import dataclasses
from typing import Literal
from slipway.model import Model

@dataclasses.dataclass
class Row:
    blei_\u00b5g: float
    gr\u00f6\u00dfe: Literal["gro\u00df", "s\u00fc\u00df"]

class Fruit(Model):
    input = Row
    output = float
    target_variable = "\u00fcber"
    def train(self, data):
        self.seen = [list(data), sorted(data["gr\u00f6\u00dfe"].unique())]
    def predict(self, rows):
        return [row.blei_\u00b5g for row in rows]
"""


def test_data_of_macos_are_those_that_the_class_declares(team):
    """Names and choices in decomposed Unicode, and a name that Python writes in other letters, reach the model."""
    (team.folder / "model.py").write_text(UNICODE)
    words = ("gro\u00df", "su\u0308\u00df")
    rows = "\n".join(f"{n},{words[n % 2]},{n}" for n in range(40))
    team.data(f"blei_\u00b5g,gro\u0308\u00dfe,u\u0308ber\n{rows}")
    folder = team.run("fetch", "check", "fit")
    schema = msgspec.json.decode((folder / "schema.json").read_bytes(), type=Schema)
    assert schema.columns == ("blei_\u03bcg", "gr\u00f6\u00dfe", "\u00fcber")
    assert msgspec.json.decode((folder / "artifact/parts/seen.json").read_bytes()) == [
        ["blei_\u03bcg", "gr\u00f6\u00dfe", "\u00fcber"],
        ["gro\u00df", "s\u00fc\u00df"],
    ]


DATED = """
from slipway.model import Model

class Fruit(Model):
    source_features = ["day", "at", "seen", "mixed", "note"]
    target_variable = "y"
    def train(self, data):
        self.seen = {name: str(data[name].dtype) for name in data}
    def predict(self, rows):
        return [float(row["day"].year + row["at"].hour + row["seen"].hour) for row in rows]
"""


def test_a_column_of_dates_alone_is_learned_as_dates(team):
    """All its texts are of ISO 8601 and alike: a date, a time without a zone, or one with it; else it stays text."""
    (team.folder / "model.py").write_text(DATED)
    lines = [
        f"2026-01-{n % 28 + 1:02},2026-01-01 {n % 24:02}:00,2026-01-01T{n % 24:02}:00+01:00,"
        f"{('2026-01-01', '2026-01-01T10:00', 'soon')[n % 3]},2026-{n % 13:02}-01,{n}"
        for n in range(60)
    ]
    team.data("day,at,seen,mixed,note,y\n" + "\n".join(lines))
    folder = team.run("fetch", "check", "fit")
    schema = msgspec.json.decode((folder / "schema.json").read_bytes(), type=Schema)
    assert [field.kind for field in schema.fields] == ["date", "datetime", "instant", "string", "string"]
    seen = msgspec.json.decode((folder / "artifact/parts/seen.json").read_bytes())
    assert [seen["day"], seen["at"], seen["seen"]] == ["datetime64[s]", "datetime64[us]", "datetime64[us, UTC]"]


OF_DATES = """
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Annotated
from slipway.model import Model

@dataclass
class Row:
    day: date
    seen: Annotated[datetime, UTC] | None

class Fruit(Model):
    input = Row
    output = date
    target_variable = "until"
    def train(self, data):
        self.seen = {name: str(data[name].dtype) for name in data}
    def predict(self, rows):
        return [row.day for row in rows]
"""


def test_dates_are_declared_for_columns_and_predictions(team):
    """The class gets objects of dates, and may answer with them."""
    (team.folder / "model.py").write_text(OF_DATES)
    lines = [
        f"2026-01-{n % 28 + 1:02},{'' if n % 3 else '2026-01-01T10:00Z'},2026-01-{n % 28 + 1:02}" for n in range(60)
    ]
    team.data("day,seen,until\n" + "\n".join(lines))
    folder = team.run("fetch", "check", "fit")
    answer = load(folder / "artifact").answer([{"day": "2026-01-05"}])
    assert answer == ["2026-01-05"]
    seen = msgspec.json.decode((folder / "artifact/parts/seen.json").read_bytes())
    assert seen == {"day": "datetime64[s]", "seen": "datetime64[us, UTC]", "until": "datetime64[s]"}


def test_a_wrong_date_in_the_data_is_told_by_its_row(team):
    """As any other mistake in a declared column."""
    (team.folder / "model.py").write_text(OF_DATES)
    team.data("day,seen,until\n2026-01-01,,2026-01-01\n31.01.2026,2026-01-01T10:00,2026-01-01\n,,2026-01-01\n")
    with pytest.raises(SlipwayError) as caught:
        team.run("fetch", "check")
    assert (
        "column day, row 2: a date (2026-01-31) is needed, not '31.01.2026'; did you mean '2026-01-31'?"
        in caught.value.problem
    )
    assert "column day, row 3: has no value" in caught.value.problem
    assert "column seen, row 2: a time with its zone (2026-01-31T14:30:00Z) is needed" in caught.value.problem


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("pd.Timestamp('2026-01-31') + pd.Timedelta(n, 'h')", "datetime"),
        ("pd.Timestamp('2026-01-31', tz='Europe/Berlin') + pd.Timedelta(n, 'h')", "instant"),
        ("datetime.date(2026, 1, n % 28 + 1) if n % 3 else None", "date"),
    ],
)
def test_dates_by_their_type_are_learned_as_such(team, value, kind):
    """What `read` makes of texts, or a Parquet file has."""
    team.data(HEAD + "\n".join(ROWS))
    (team.folder / "model.py").write_text(READS.replace("VALUE", value))
    schema = msgspec.json.decode((team.run("fetch", "check") / "schema.json").read_bytes(), type=Schema)
    assert schema.fields[0].kind == kind


LISTED = """
from dataclasses import dataclass
from typing import Annotated
from slipway.model import Length, Model, Range

@dataclass
class Row:
    at: Annotated[list[float], Length(2), Range(-180, 180)]

class Fruit(Model):
    input = Row
    output = float
    target_variable = "y"
    def train(self, data):
        import numpy
        self.mean = numpy.stack(list(data["at"])).mean(axis=0)
    def predict(self, rows):
        return [row.at[0] - self.mean[0] for row in rows]
"""


def test_lists_in_a_file_are_json(team):
    """They reach the model as arrays, and a row as a list."""
    (team.folder / "model.py").write_text(LISTED)
    team.data("at,y\n" + "\n".join(f'"[{n}, 1.5]",{n}' for n in range(60)))
    folder = team.run("fetch", "check", "fit")
    loaded = load(folder / "artifact")
    assert loaded.model.mean.tolist()[1] == 1.5
    assert loaded.answer([{"at": [loaded.model.mean[0].item(), 0]}]) == [0.0]
    team.data('at,y\n"[1, 2]",1\n"[1, 200]",1\n"[1]",2\nsoon,1\n')
    with pytest.raises(SlipwayError) as caught:
        team.run("fetch", "check")
    assert "column at, row 2: [1]: 200 is above the maximum 180" in caught.value.problem
    assert "column at, row 3: a list of 2 numbers is needed, not of 1" in caught.value.problem
    assert "column at, row 4: a list of 2 numbers is needed, not a string: 'soon'" in caught.value.problem


def test_lists_of_numbers_by_their_type_are_learned_as_such(team):
    """They have one length, as embeddings in a Parquet file do."""
    team.data(HEAD + "\n".join(ROWS))
    (team.folder / "model.py").write_text(READS.replace("VALUE", "[n, 2]"))
    schema = msgspec.json.decode((team.run("fetch", "check") / "schema.json").read_bytes(), type=Schema)
    assert (schema.fields[0].kind, schema.fields[0].length) == ("array", 2)


def test_nanoseconds_are_refused_and_not_cut(team):
    """No caller could send them."""
    team.data(HEAD + "\n".join(ROWS))
    value = "pd.Timestamp('2026-01-31T10:00:00.123456789')"
    (team.folder / "model.py").write_text(READS.replace("VALUE", value))
    with pytest.raises(SlipwayError, match=r"column length, row 1 and 59 rows more: .* at most 6 digits"):
        team.run("fetch", "check")
