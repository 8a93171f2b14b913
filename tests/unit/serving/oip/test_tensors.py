"""Tensors as rows and as bytes."""

import math
import re
from typing import Any

import pytest

from slipway.schema import Columns, Field, Schema
from slipway.serving.answers import Refusal
from slipway.serving.oip import tensors
from slipway.serving.oip.tensors import Tensor
from slipway.serving.oip.tensors import to_rows as to_rows_within

MIXED = Schema(
    fields=(
        Field(name="weight", kind="number"),
        Field(name="age", kind="integer", optional=True),
        Field(name="length", kind="number", optional=True),
        Field(name="wrapping", kind="string", default="box"),
    ),
    target=Field(name="price", kind="number"),
)
NUMBERS = Schema(
    fields=(Field(name="width", kind="number"), Field(name="rooms", kind="integer")),
    target=Field(name="price", kind="number"),
)


def to_rows(schema: Schema, given: list[Tensor]) -> list[dict[str, Any]]:
    """Return the rows in tensors as a model gets them."""
    found = to_rows_within(schema, given, lambda _: None)
    return found.dicts() if isinstance(found, Columns) else schema.parse(found)


def column(name: str, datatype: str, *values: Any, shape: tuple[int, ...] | None = None) -> Tensor:
    return Tensor(name, datatype, shape or (len(values),), values)


def test_each_field_is_a_tensor_with_a_value_for_each_row() -> None:
    """The tensor of a field that is optional or has a default may be left out."""
    given = [column("wrapping", "BYTES", "bag", "box", shape=(2, 1)), column("weight", "FP32", 1.5, 2.0)]
    assert to_rows(MIXED, given) == [
        {"wrapping": "bag", "weight": 1.5, "age": None, "length": None},
        {"wrapping": "box", "weight": 2.0, "age": None, "length": None},
    ]


def test_missing_values() -> None:
    """NaN is a missing value of an optional number, and null of any field."""
    given = [
        column("weight", "FP64", 1.0, 2.0),
        column("length", "FP64", math.nan, 3.0),
        column("age", "INT64", None, 4),
    ]
    assert to_rows(MIXED, given) == [
        {"weight": 1.0, "length": None, "age": None, "wrapping": "box"},
        {"weight": 2.0, "length": 3.0, "age": 4, "wrapping": "box"},
    ]


def test_one_tensor_holds_all_fields_that_are_numbers() -> None:
    """It has any name that is no field, and the rows in the order of the fields."""
    assert to_rows(NUMBERS, [column("input-0", "FP64", 1.5, 3.0, 2.5, 4.0, shape=(2, 2))]) == [
        {"width": 1.5, "rooms": 3.0},
        {"width": 2.5, "rooms": 4.0},
    ]


def test_an_empty_tensor_gives_no_rows() -> None:
    """Its shape is [0]."""
    assert to_rows(NUMBERS, [column("width", "FP64"), column("rooms", "INT64")]) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "input tensors are missing: weight"),
        ([column("wrapping", "BYTES", "box")], "input tensors are missing: weight"),
        ([column("weight", "FP64", 1.0), column("wieght", "FP64", 1.0)], "'wieght'; did you mean 'weight'?"),
        ([column("input", "FP64", 1.0, shape=(1, 1))], "unknown input tensor 'input'"),
        ([column("weight", "FP64", 1.0)] * 2, "'weight' is there twice"),
        ([column("weight", "BYTES", "1")], "datatype is 'BYTES'; FP64 is needed"),
        ([column("weight", "FP64", 1.0, 2.0, shape=(3,))], "shape [3] needs 3 values, and it has 2"),
        ([column("weight", "FP64", 1.0, 2.0, shape=(1, 2))], "shape is [1, 2]; [1] or [1, 1] is needed"),
        ([column("weight", "FP64", shape=(-1,))], "[-1] is no shape"),
        ([Tensor("weight", "FP64", (), [1.0])], "[] is no shape"),
        ([Tensor("weight", "FP64", (1, 1, 1), [1.0])], "[1, 1, 1] is no shape"),
        ([Tensor("weight", "FP64", (2**31,), [])], "[2147483648] is no shape"),
        ([Tensor("weight", "FP64", (2**31 - 1, 2**31 - 1), [])], "needs 4611686014132420609 values, and it has 0"),
        ([Tensor("weight", "FP64", (10**4000,) * 8, [])], "is no shape"),
        ([column("weight", "FP64", 1.0), column("age", "INT64", 1, 2)], "different numbers of rows: weight 1, age 2"),
    ],
)
def test_tensors_that_do_not_fit_are_named(given: list[Tensor], message: str) -> None:
    """Names, datatypes and shapes that do not fit are refused with what is needed."""
    with pytest.raises(Refusal) as caught:
        to_rows(MIXED, given)
    assert (caught.value.status, caught.value.error) == (400, "invalid_tensors")
    assert message in caught.value.message


def test_a_shape_of_very_many_sizes_is_refused_at_once() -> None:
    """Sizes are checked before their product, which could take a minute, is computed."""
    with pytest.raises(Refusal, match="is no shape") as caught:
        to_rows(MIXED, [Tensor("weight", "FP64", (10**18,) * 50_000, [])])
    assert len(caught.value.message) < 200


def test_too_many_rows_are_refused_before_they_are_made() -> None:
    """One byte can hold a row, so the limit counts before rows are made."""
    asked: list[int] = []
    with pytest.raises(LookupError):
        to_rows_within(MIXED, [column("weight", "UINT8", 1, 2, 3)], lambda count: asked.append(count) or [][0])
    assert asked == [3]


def test_a_matrix_of_another_width_is_refused() -> None:
    """The tensor of all fields needs a column for each."""
    with pytest.raises(Refusal, match=r"its shape is \[rows, 2\], not \[1, 3\]"):
        to_rows(NUMBERS, [column("input", "FP64", 1.0, 2.0, 3.0, shape=(1, 3))])


@pytest.mark.parametrize(("datatype", "value"), [("INT64", 1.5), ("INT8", 128), ("UINT8", -1), ("INT32", True)])
def test_values_outside_their_datatype_are_refused(datatype: str, value: Any) -> None:
    """The refusal has row and field."""
    with pytest.raises(Refusal) as caught:
        to_rows(MIXED, [column("weight", "FP64", 1.0, 1.0), column("age", datatype, 1, value)])
    assert [str(each) for each in caught.value.problems] == [f"row 1: age: {value!r} is no {datatype}"]


@pytest.mark.parametrize(
    ("datatype", "values"),
    [
        ("FP64", [1.5, -2.0]),
        ("FP32", [0.5]),
        ("INT8", [-1, 7]),
        ("UINT64", [2**63]),
        ("BOOL", [True, False]),
        ("BYTES", ["é", ""]),
    ],
)
def test_bytes_hold_the_values(datatype: str, values: list[Any]) -> None:
    """Values that are written as bytes are read unchanged."""
    assert tensors.decode("x", datatype, tensors.encode(datatype, values)) == values


@pytest.mark.parametrize(
    ("datatype", "content", "message"),
    [
        ("FP64", b"1234567", "7 bytes are no whole number of FP64, which has 8"),
        ("BYTES", b"\x01\x00", "end within a text"),
        ("BYTES", b"\x05\x00\x00\x00abc", "end within a text"),
        ("BYTES", b"\x01\x00\x00\x00\xff", "not UTF-8"),
        ("BF16", b"", "'BF16' has no bytes that are read here"),
    ],
)
def test_invalid_bytes_are_refused(datatype: str, content: bytes, message: str) -> None:
    """Bytes that are cut off, of another datatype, or no text are refused with the tensor's name."""
    with pytest.raises(Refusal, match="tensor 'x'") as caught:
        tensors.decode("x", datatype, content)
    assert message in caught.value.message


def test_a_tensor_in_another_form_of_unicode_is_the_fields() -> None:
    """It counts once, whichever way its name is written."""
    schema = Schema(fields=(Field(name="Gr\u00f6\u00dfe", kind="number"),), target=NUMBERS.target)
    assert to_rows(schema, [column("Gro\u0308\u00dfe", "FP64", 1.0)]) == [{"Gr\u00f6\u00dfe": 1.0}]
    with pytest.raises(Refusal, match="is there twice"):
        to_rows(schema, [column("Gro\u0308\u00dfe", "FP64", 1.0), column("Gr\u00f6\u00dfe", "FP64", 1.0)])


LISTS = Schema(
    fields=(Field(name="at", kind="array", length=2), Field(name="maybe", kind="array", length=1, optional=True)),
    target=NUMBERS.target,
)


def test_a_list_of_numbers_is_a_row_of_a_tensor() -> None:
    """Its metadata has the length; NaN or null alone stands for a list that is missing."""
    assert [tensors.about(field).shape for field in LISTS.fields] == [(-1, 2), (-1, 1)]
    at = column("at", "FP64", 1.0, 2.0, 3.0, 4.0, shape=(2, 2))
    expected = [{"at": [1.0, 2.0], "maybe": None}, {"at": [3.0, 4.0], "maybe": [5.0]}]
    for missing in (math.nan, None):
        assert to_rows(LISTS, [at, column("maybe", "FP64", missing, 5.0, shape=(2, 1))]) == expected
    whole = column("at", "INT8", 1, 2, 3, 4, shape=(2, 2))
    assert to_rows(LISTS, [whole])[1]["at"] == [3.0, 4.0]


@pytest.mark.parametrize(
    ("tensor", "says"),
    [
        (column("at", "FP64", 1.0, 2.0), r"its shape is \[2\]; \[rows, 2\] is needed"),
        (column("at", "FP64", 1.0, 2.0, 3.0, shape=(1, 3)), r"its shape is \[1, 3\]; \[rows, 2\] is needed"),
        (column("at", "INT8", 1, 2, 3, 400, shape=(2, 2)), "row 1: at: 400 is no INT8"),
        (column("at", "BYTES", "a", "b", shape=(1, 2)), "FP64 is needed"),
    ],
)
def test_a_tensor_of_other_lists_is_refused(tensor: Tensor, says: str) -> None:
    """The row of a wrong number is that of its list."""
    with pytest.raises(Refusal) as caught:
        to_rows(LISTS, [tensor])
    problems = "; ".join(map(str, caught.value.problems))
    assert re.search(says, problems or caught.value.message)
