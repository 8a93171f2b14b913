"""Values and rows are checked by a schema, which can be written as JSON Schema."""

import msgspec
import pytest

from slipway.schema import Field, InvalidRows, Problem, Schema

NAN, INF = float("nan"), float("inf")


def field(kind="number", **more):
    return Field(name="x", kind=kind, **more)


SCHEMA = Schema(
    fields=(
        Field(name="length", kind="number", minimum=0.0, unit="cm"),
        Field(name="colour", kind="string", categories=("red", "green")),
        Field(name="note", kind="string", optional=True),
    ),
    target=Field(name="kind", kind="string"),
)
ROW = {"length": 1, "colour": "red", "note": None}


@pytest.mark.parametrize(
    ("kind", "value", "parsed"),
    [
        ("number", 1, 1.0),
        ("number", -0.5, -0.5),
        ("number", 10**300, 1e300),
        ("integer", 3, 3),
        ("integer", 3.0, 3),
        ("integer", -(2**63) + 1, -(2**63) + 1),
        ("boolean", True, True),
        ("boolean", False, False),
        ("string", "", ""),
        ("string", "réd\u0000", "réd\u0000"),
    ],
)
def test_a_value_becomes_its_fields_type(kind, value, parsed):
    """A number is a float, and an integer may be written with a point."""
    found = field(kind).parse(value)
    assert (found, type(found)) == (parsed, type(parsed))


@pytest.mark.parametrize(
    ("kind", "value", "says"),
    [
        ("number", True, "a number is needed, not a boolean"),
        ("number", "1", "a number is needed, not a string"),
        ("number", None, "has no value; a number is needed"),
        ("number", [1], "a number is needed, not a list"),
        ("number", {}, "a number is needed, not an object"),
        ("number", NAN, "is not a finite number"),
        ("number", -INF, "is not a finite number"),
        ("number", 10**400, "is not a finite number"),
        ("number", (1,), "a number is needed, not tuple"),
        ("integer", 1.5, "an integer is needed, not 1.5"),
        ("integer", True, "an integer is needed, not a boolean"),
        ("integer", NAN, "is not a finite number"),
        ("integer", INF, "is not a finite number"),
        ("integer", 2**63, "is too large for an integer of 64 bits"),
        ("integer", 10**4000, "is too large for an integer of 64 bits"),
        ("integer", 1e300, "is too large for an integer of 64 bits"),
        ("boolean", 1, "true or false is needed, not a number"),
        ("boolean", "true", "true or false is needed, not a string"),
        ("string", 1, "a string is needed, not a number"),
        ("string", False, "a string is needed, not a boolean"),
        ("string", None, "has no value; a string is needed"),
    ],
)
def test_a_value_of_another_type_is_refused(kind, value, says):
    """A boolean or a text of digits is not a number. Nothing is rounded or cut."""
    with pytest.raises(ValueError) as caught:
        field(kind).parse(value)
    assert str(caught.value) == says


@pytest.mark.parametrize("kind", ["number", "integer", "boolean", "string"])
def test_null_is_a_value_of_what_is_optional(kind):
    """Categories and limits do not change that."""
    assert field(kind, optional=True, categories=(1,), minimum=0.0).parse(None) is None


@pytest.mark.parametrize(
    ("of", "value", "says"),
    [
        (field(minimum=0.0), -1, "-1 is below the minimum 0"),
        (field(maximum=1_234_567.0, unit="mm"), 2e6, "2000000.0 is above the maximum 1234567 mm"),
        (field("integer", minimum=1.0), 0, "0 is below the minimum 1"),
        (field("string", categories=("red", "green")), "rad", "unknown category 'rad'; did you mean 'red'?"),
        (field("string", categories=("red",)), "x" * 10_000, "unknown category 'xxxxx"),
        (field("string", categories=tuple(f"c{n}" for n in range(99))), "zebra", "unknown category 'zebra'; known: "),
        (field("integer", categories=(1, 10)), 100, "unknown category 100; known: 1, 10"),
        (field("integer", categories=(0, 1)), True, "an integer is needed, not a boolean"),
        (field("boolean", categories=(True,)), 1, "true or false is needed, not a number"),
        (field("boolean", categories=(True,)), False, "unknown category False; known: True"),
        (field("string", categories=("1",)), 1, "a string is needed, not a number"),
    ],
)
def test_a_value_that_it_may_not_have_is_refused(of, value, says):
    """The message has the limit and its unit, or the nearest category, in a short line. True is never 1."""
    with pytest.raises(ValueError) as caught:
        of.parse(value)
    assert str(caught.value).startswith(says)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("of", "value"),
    [
        (field(minimum=0.0, maximum=0.0), 0),
        (field("integer", categories=(1, 2)), 2.0),
        (field(categories=(0.5, 1.0)), 1),
        (field("boolean", categories=(False, True)), False),
    ],
)
def test_limits_and_categories_belong_to_what_is_allowed(of, value):
    """The limits themselves count as within."""
    assert of.parse(value) == value


def test_rows_come_back_in_the_order_of_the_fields():
    """Every value is typed. A missing optional field is None."""
    parsed = SCHEMA.parse([{"colour": "red", "length": 2}])
    assert [list(row.items()) for row in parsed] == [[("length", 2.0), ("colour", "red"), ("note", None)]]


def test_a_field_with_a_default_may_be_left_out():
    """The row then has the default. Null is refused."""
    schema = Schema(fields=(field("integer", default=3),), target=field())
    assert schema.parse([{}, {"x": 4}]) == [{"x": 3}, {"x": 4}]
    with pytest.raises(InvalidRows, match="has no value"):
        schema.parse([{"x": None}])


@pytest.mark.parametrize(
    ("row", "problems"),
    [
        ({}, [("length", "is missing"), ("colour", "is missing")]),
        (
            {"lenght": 1, "colour": "red"},
            [("length", "is missing"), ("lenght", "unknown field; did you mean 'length'?")],
        ),
        ({"length": 1, "colour": "red", "nota": "x"}, [("nota", "unknown field; did you mean 'note'?")]),
        ({**ROW, "nota": "x"}, [("nota", "unknown field; did you mean 'note'?")]),
        ({**ROW, "Length": 1}, [("Length", "unknown field; did you mean 'length'?")]),
        ({**ROW, "zzz": 1}, [("zzz", "unknown field; known: colour, length, note")]),
        ({**ROW, 7: 1}, [("7", "unknown field; known: colour, length, note")]),
        ({**ROW, "length": None}, [("length", "has no value; a number is needed")]),
        ({**ROW, "length": -1, "colour": 3}, [("length", "-1 is below the minimum 0 cm"), ("colour", "a string is")]),
        ([1], [("", "an object is needed, not a list")]),
        (None, [("", "an object is needed, not null")]),
        ("row", [("", "an object is needed, not a string")]),
        (True, [("", "an object is needed, not a boolean")]),
        ((), [("", "an object is needed, not tuple")]),
    ],
)
def test_every_problem_of_a_row_is_listed(row, problems):
    """This includes a misspelt name of an optional field."""
    with pytest.raises(InvalidRows) as caught:
        SCHEMA.parse([ROW, row])
    found = caught.value.problems
    assert [(problem.row, problem.field) for problem in found] == [(1, name) for name, _ in problems]
    assert all(problem.message.startswith(says) for problem, (_, says) in zip(found, problems, strict=True))


def test_the_message_names_row_field_and_reason():
    """Rows count from 0, as in the request's list."""
    with pytest.raises(InvalidRows, match=r"^row 1: length: is missing; row 1: colour: is missing$"):
        SCHEMA.parse([ROW, {}])


def test_no_rows_are_no_problem():
    """An empty list gives an empty list."""
    assert SCHEMA.parse([]) == []


@pytest.mark.parametrize(
    "rows",
    [
        [{}] * 100_000,
        [None] * 100_000,
        [{f"field{n}": 1 for n in range(100_000)}],
        [{**ROW, "x" * 1_000_000: 1}],
        [{**ROW, "colour": "r" * 1_000_000}],
    ],
    ids=["many empty rows", "many that are none", "many unknown fields", "a long name", "a long value"],
)
def test_a_bad_request_is_refused_early_and_in_few_words(rows):
    """Nobody can keep the function busy, or fill its log, with nonsense."""
    waiting = iter(rows)
    with pytest.raises(InvalidRows) as caught:
        SCHEMA.parse(waiting)
    assert len(list(waiting)) >= len(rows) - 20
    assert len(caught.value.problems) <= 20
    assert len(str(caught.value)) < 5_000


def test_a_problem_of_the_row_itself_has_no_field():
    """The message reads well without a field."""
    assert str(Problem(3, "", "an object is needed")) == "row 3: an object is needed"


@pytest.mark.parametrize(
    ("of", "schema"),
    [
        (field(), {"type": "number", "format": "double"}),
        (
            field("integer", minimum=0.0, maximum=9.0),
            {"type": "integer", "format": "int64", "minimum": 0.0, "maximum": 9.0},
        ),
        (field("boolean", optional=True), {"type": ["boolean", "null"]}),
        (field("boolean", categories=(False, True)), {"type": "boolean"}),
        (field("array"), {"type": "array", "items": {"type": "number", "format": "double"}}),
        (field("string", categories=("a", "b")), {"type": "string", "enum": ["a", "b"]}),
        (
            field("string", categories=("a",), optional=True),
            {"type": ["string", "null"], "enum": ["a", None]},
        ),
        (field(unit="mm"), {"type": "number", "format": "double", "description": "mm"}),
        (field(unit="mm", description="Radius"), {"type": "number", "format": "double", "description": "Radius (mm)"}),
        (field("integer", default=0), {"type": "integer", "format": "int64", "default": 0}),
    ],
)
def test_a_field_reads_as_json_schema(of, schema):
    """It is of draft 2020-12, and has no empty keys."""
    assert of.to_json_schema() == schema


def test_a_row_reads_as_json_schema():
    """Optional fields and fields with a default are not required. Other fields are refused."""
    schema = Schema(fields=(*SCHEMA.fields, field(default=1.0)), target=SCHEMA.target).to_json_schema()
    assert schema["required"] == ["length", "colour"]
    assert list(schema["properties"]) == ["length", "colour", "note", "x"]
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize(
    "of",
    [
        field("integer", categories=(0, 1)),
        field("boolean", categories=(False, True)),
        field("string", categories=("0", "1")),
        field(categories=(0.5, 1.0), minimum=0.0),
        field("string", optional=True, default="x", unit="mm", description="…"),
    ],
)
def test_a_schema_survives_json(of):
    """Categories keep their type: True does not come back as 1, nor '1' as a number."""
    schema = Schema(fields=(of,), target=of)
    again = msgspec.json.decode(msgspec.json.encode(schema), type=Schema)
    assert again == schema
    assert list(map(type, again.fields[0].categories)) == list(map(type, of.categories))


NFC, NFD = "Gr\u00f6\u00dfe (mm)", "Gro\u0308\u00dfe (mm)"


@pytest.mark.parametrize(("declared", "asked"), [(NFC, NFD), (NFD, NFC), ("blei_\u03bcg", "blei_\u00b5g")])
def test_a_name_in_another_form_of_unicode_is_the_fields(declared, asked):
    """macOS takes letters apart, and callers cannot see it; the model gets its own spelling."""
    schema = Schema(fields=(Field(name=declared, kind="number"),), target=Field(name="y", kind="number"))
    assert schema.parse([{asked: 1}]) == [{declared: 1.0}]
    with pytest.raises(InvalidRows) as caught:
        schema.parse([{asked: "x"}])
    assert caught.value.problems == (Problem(0, declared, "a number is needed, not a string"),)


def test_two_forms_of_one_name_in_a_row_are_one_too_many():
    """Which one counts is not guessed."""
    schema = Schema(fields=(Field(name=NFC, kind="number"),), target=Field(name="y", kind="number"))
    with pytest.raises(InvalidRows) as caught:
        schema.parse([{NFC: 1, NFD: 2}])
    told = f"stands twice: it is {NFC!r} in another form of Unicode"
    assert caught.value.problems == (Problem(0, NFD, told),)


def test_two_fields_that_differ_by_their_form_are_told_apart():
    """An artifact of before may have both: then only the exact name counts."""
    fields = (Field(name=NFC, kind="number"), Field(name=NFD, kind="number"))
    schema = Schema(fields=fields, target=Field(name="y", kind="number"))
    assert schema.parse([{NFD: 2, NFC: 1}]) == [{NFC: 1.0, NFD: 2.0}]


@pytest.mark.parametrize(
    ("categories", "given", "parsed"),
    [
        (("caf\u00e9", "tea"), "cafe\u0301", "caf\u00e9"),
        (("cafe\u0301", "tea"), "caf\u00e9", "cafe\u0301"),
        (("cafe\u0301", "caf\u00e9"), "caf\u00e9", "caf\u00e9"),
        ((), "cafe\u0301", "cafe\u0301"),
    ],
)
def test_a_category_in_another_form_of_unicode_is_the_one_that_the_model_knows(categories, given, parsed):
    """A free text stays as it is."""
    assert field("string", categories=categories).parse(given) == parsed
