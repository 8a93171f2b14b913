"""Rows beyond the data are rows that a caller may send."""

import pytest

from slipway.schema import Field, Schema
from slipway.training import probes

TARGET = Field(name="y", kind="number")
ROWS = [{"size": float(at), "count": at % 3, "kind": "a", "note": None} for at in range(20)]
SCHEMA = Schema(
    fields=(
        Field(name="size", kind="number"),
        Field(name="count", kind="integer", minimum=0, maximum=9),
        Field(name="kind", kind="string", categories=("a", "b")),
        Field(name="note", kind="string", optional=True),
    ),
    target=TARGET,
)


def test_a_number_goes_beyond_the_data_and_between_it():
    """About thirty for each field, each in a row of the data."""
    sizes = [row["size"] for row in probes.beyond(SCHEMA, ROWS) if row["size"] not in range(20) or row["size"] == 0]

    assert {-1.0, 20.0, 190.0, -190.0, 0.5, 19.5} <= set(sizes)
    assert str(-0.0) in map(str, sizes)


def test_all_of_them_fit_the_schema():
    """A function refuses others before the model sees them."""
    rows = [*probes.single(SCHEMA, ROWS), *probes.beyond(SCHEMA, ROWS)]

    assert SCHEMA.parse(rows)
    assert {row["count"] for row in rows} == set(range(4))


def test_rows_of_zeros_and_of_nothing():
    """Each of all number fields, of all optional ones, and of both."""
    assert probes.beyond(SCHEMA, [ROWS[5] | {"note": "x"}])[-3:] == [
        {"size": 0.0, "count": 0, "kind": "a", "note": "x"},
        {"size": 5.0, "count": 2, "kind": "a", "note": None},
        {"size": 0.0, "count": 0, "kind": "a", "note": None},
    ]


def test_categories_unseen_texts_and_gaps_are_asked_alone():
    """One other value in a row."""
    found = [(row["kind"], row["note"]) for row in probes.single(SCHEMA, ROWS)]

    assert found == [("a", None), ("b", None), ("a", "a text that no row has"), ("a", None)]


@pytest.mark.long(4)
def test_wide_data_has_fewer_probes_for_each_field():
    """So that asking stays short."""
    fields = tuple(Field(name=f"x{at}", kind="number") for at in range(3000))
    rows = [{field.name: float(at) for field in fields} for at in range(20)]

    assert len(probes.beyond(Schema(fields=fields, target=TARGET), rows)) == 3000 * 7 + 1
