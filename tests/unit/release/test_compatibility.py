"""Compatibility: the changes between two releases, and the breaking ones among them."""

import pytest

from slipway.release.compatibility import Change, compare, limit_changes
from slipway.schema import Field, Schema


def field(kind="number", **more):
    return Field(**({"name": "x", "kind": kind} | more))


TARGET = Field(name="y", kind="string", categories=("a", "b"))


def taken(*fields):
    return Schema(fields=fields, target=TARGET)


def given(**more):
    return Schema(fields=(field(),), target=Field(**({"name": "y", "kind": "string"} | more)))


def test_the_order_of_fields_is_no_change():
    """A row does not know the order of its fields."""
    one, other = field(name="one"), field("string", name="other")
    assert compare(taken(one, other), taken(other, one)) == []


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (taken(field(), field(name="z")), taken(field()), "field 'z' is gone: a row that has it is refused"),
        (taken(field(), field(name="z", optional=True)), taken(field()), "field 'z' is gone"),
        (taken(), taken(field()), "field 'x' is new: every row has to have it"),
        (taken(field("string")), taken(field()), "field 'x' takes a number, until now a string"),
        (taken(field()), taken(field("integer")), "field 'x' takes an integer, until now a number"),
        (taken(field("boolean")), taken(field("integer")), "field 'x' takes an integer, until now true or false"),
        (taken(field()), taken(field(minimum=0.0)), "field 'x' has the minimum 0, until now none"),
        (taken(field(maximum=2.5)), taken(field(maximum=1.5)), "field 'x' has the maximum 1.5, until now 2.5"),
        (
            taken(field("string")),
            taken(field("string", categories=("red",))),
            "takes only these values, until now any value: 'red'",
        ),
        (
            taken(field("string", categories=("red", "blue"))),
            taken(field("string", categories=("red", "green"))),
            "field 'x' no longer takes 'blue'",
        ),
        (taken(field("string")), taken(field("date")), "field 'x' takes a date (2026-01-31), until now a string"),
        (taken(field("datetime")), taken(field("instant")), "field 'x' takes a time with its zone"),
        (
            taken(field("array", length=2)),
            taken(field("array", length=3)),
            "field 'x' takes a list of 3 numbers, until now a list of 2 numbers",
        ),
        (taken(field(optional=True)), taken(field()), "field 'x' may no longer be null"),
        (taken(field(default=1.0)), taken(field()), "field 'x' may no longer be left out"),
        (taken(field(unit="cm")), taken(field(unit="mm")), "field 'x' is in 'mm', until now in 'cm'"),
        (given(), given(name="z"), "the prediction is 'z', until now 'y'"),
        (given(kind="integer"), given(kind="number"), "the prediction is a number, until now an integer"),
        (given(kind="number"), given(kind="integer"), "the prediction is an integer, until now a number"),
        (given(), given(categories=("a",)), "the prediction is one of a few labels, no longer any value"),
        (given(categories=("a",)), given(), "the prediction is any value, no longer one of a few labels"),
        (given(categories=("a",)), given(categories=("a", "b")), "the prediction has new labels: 'b'"),
        (given(categories=("a", "b")), given(categories=("a",)), "no longer has these labels: 'b'"),
        (given(kind="number", maximum=1.0), given(kind="number"), "has the maximum none, until now 1"),
        (given(), given(optional=True), "the prediction may be null"),
    ],
)
def test_breaking_changes(before, after, says):
    """The function refuses a valid call, or its answer holds a value that was impossible before."""
    found = compare(before, after)
    assert [change.text for change in found if change.breaking and says in change.text], found


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (taken(), taken(field(optional=True)), "field 'x' is new: a row may leave it out"),
        (taken(), taken(field(default=1.0)), "field 'x' is new: a row may leave it out"),
        (taken(field("integer")), taken(field()), "field 'x' takes a number, until now an integer"),
        (taken(field(minimum=0.0)), taken(field()), "field 'x' has the minimum none, until now 0"),
        (taken(field(maximum=1.0)), taken(field(maximum=2.0)), "field 'x' has the maximum 2, until now 1"),
        (taken(field("string", categories=("a",))), taken(field("string")), "takes any value"),
        (
            taken(field("string", categories=("a",))),
            taken(field("string", categories=("b", "a"))),
            "field 'x' also takes 'b'",
        ),
        (taken(field(default=1.0)), taken(field(default=2.0)), "is 2.0 where it is left out, until now 1.0"),
        (taken(field()), taken(field(unit="mm")), "is in 'mm', until now in an unknown unit"),
        (taken(field()), taken(field(description="how long")), "field 'x' has a new description"),
        (taken(field("date")), taken(field("string")), "takes a string, until now a date (2026-01-31)"),
        (given(kind="number"), given(kind="number", minimum=0.0), "the prediction has the minimum 0"),
        (given(optional=True), given(), "the prediction is never null any more"),
    ],
)
def test_changes_that_break_no_caller(before, after, says):
    """Every earlier row is still accepted, and every answer was possible before."""
    [found] = compare(before, after)
    assert says in found.text and not found.breaking


def test_a_name_in_another_form_of_unicode_is_the_same():
    """Callers may write either."""
    assert compare(taken(field(name="u\u0308")), taken(field(name="\u00fc"))) == []


def test_a_field_that_becomes_optional_breaks_no_caller():
    """It may be null, and it may be left out."""
    assert compare(taken(field()), taken(field(optional=True))) == [
        Change("field 'x' may be null", breaking=False),
        Change("field 'x' may be left out", breaking=False),
    ]


def test_breaking_changes_come_first():
    """Other changes follow."""
    before, after = taken(field(description="old"), field(name="z")), taken(field(description="new"))
    assert [change.breaking for change in compare(before, after)] == [True, False]


def test_a_change_is_one_short_line():
    """Long names and many labels are shortened."""
    many = tuple(f"label\n{number}" * 50 for number in range(60))
    [change] = compare(given(categories=many[:1]), given(categories=many))
    assert change.text.endswith("and 51 more") and len(change.text) < 700 and "\n" not in change.text


def manifests(**variables):
    env = "".join(f"            - {{name: {name}, value: '{value}'}}\n" for name, value in variables.items())
    return f"""
apiVersion: v1
kind: ConfigMap
---
apiVersion: serving.knative.dev/v1
kind: Service
spec:
  template:
    spec:
      containers:
        - name: function
          env:
            - {{name: MODEL_ID, value: iris/prod/1}}
{env}""".encode()


def test_a_lower_limit_breaks_callers():
    """A higher limit does not. A release without a limit has the default of the function."""
    fewer = manifests(SLIPWAY_MAX_ROWS="100")
    assert limit_changes(manifests(), manifests()) == []
    assert limit_changes(manifests(), fewer) == [Change("a request may hold 100 rows, until now 10000", breaking=True)]
    assert [change.breaking for change in limit_changes(fewer, manifests())] == [False]


def test_a_shorter_time_breaks_callers():
    """A longer one does not. Knative's own limit counts where the function has none, as in earlier releases."""
    short, long = manifests(SLIPWAY_TIMEOUT="10"), manifests(SLIPWAY_TIMEOUT="300")
    assert limit_changes(manifests(), short) == [Change("an answer may take 10 seconds, until now 60", breaking=True)]
    assert [change.breaking for change in limit_changes(short, long)] == [False]
    earlier = manifests().replace(b"      containers:", b"      timeoutSeconds: 120\n      containers:")
    assert limit_changes(earlier, long)[0].breaking is False
    assert limit_changes(earlier, manifests()) == [
        Change("an answer may take 60 seconds, until now 120", breaking=True)
    ]
    held = short.replace(b"      containers:", b"      timeoutSeconds: 15\n      containers:")
    assert limit_changes(short, held) == []


def test_stricter_access_breaks_callers():
    """Another kind of access breaks them, too. Open access does not."""
    keys, password = manifests(SLIPWAY_ACCESS_KIND="bearer"), manifests(SLIPWAY_ACCESS_KIND="basic")
    assert limit_changes(keys, keys) == []
    assert limit_changes(manifests(), keys) == [Change("a request needs a key, until now nothing", True)]
    assert [change.breaking for change in limit_changes(keys, password)] == [True]
    assert [change.breaking for change in limit_changes(keys, manifests())] == [False]


def test_another_protocol_breaks_callers():
    """A port speaks only one protocol."""
    grpc = manifests(SLIPWAY_PROTOCOL="grpc")
    assert limit_changes(manifests(), grpc) == [Change("it speaks gRPC, until now HTTP", True)]
    assert [change.breaking for change in limit_changes(grpc, manifests())] == [True]
