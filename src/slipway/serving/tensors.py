"""Between rows and the tensors of the Open Inference Protocol, by a model's one schema.

Each field is an input of its own, with one value for each row: its shape is [n], or [n, 1]. Where all fields are
numbers, one tensor of the shape [n, fields] under any other name holds them all, in the fields' order.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from slipway.names import nearest
from slipway.schema import Field, Kind, Problem, Schema
from slipway.serving.answers import Refusal, invalid_rows

__all__ = ["Tensor", "about", "from_predictions", "refused", "to_rows"]

_FLOATS = ("FP64", "FP32", "FP16")
_INTEGERS = {f"INT{bits}": range(-(2 ** (bits - 1)), 2 ** (bits - 1)) for bits in (64, 32, 16, 8)}
_INTEGERS |= {f"UINT{bits}": range(2**bits) for bits in (64, 32, 16, 8)}

# By what a field is, the datatypes that it takes; the first is the one that it is described by.
_TAKEN: dict[Kind, tuple[str, ...]] = {
    "number": (*_FLOATS, *_INTEGERS),
    "integer": (*_INTEGERS, *_FLOATS),
    "boolean": ("BOOL",),
    "string": ("BYTES",),
}
_OWN = {kind: taken[0] for kind, taken in _TAKEN.items()}
_MOST = 20


class Tensor(NamedTuple):
    """A tensor by its name: its values lie one after the other, row after row; None is a missing one."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: Sequence[Any]


def about(field: Field) -> Tensor:
    """A field as the protocol describes it: -1 stands for any number of rows."""
    return Tensor(field.name, _OWN[field.kind], (-1,), ())


def refused(name: str, reason: str) -> Refusal:
    """The refusal (400) of the tensor `name`, and why."""
    return _invalid(f"tensor {_cut(name)}: {reason}")


def to_rows(schema: Schema, given: Sequence[Tensor]) -> list[dict[str, Any]]:
    """The rows that the tensors hold, as a caller of `/predict` would have sent them.

    An optional field's tensor may be left out, and so may one with a default; not a number (NaN) is a missing value.
    Raises `Refusal` (400): for a name, a datatype or a shape that does not fit, and for values that are none of their
    datatype, each with its row and field.
    """
    for tensor in given:
        _check_size(tensor)
    fields = {field.name: field for field in schema.fields}
    if len(given) == 1 and given[0].name not in fields:
        given = _columns(schema, given[0])
    _check_names(schema, [tensor.name for tensor in given])
    counts = {tensor.name: _count(tensor) for tensor in given}
    if len(set(counts.values())) > 1:
        told = ", ".join(f"{name[:60]} {count}" for name, count in counts.items())
        raise _invalid(f"the input tensors are of different numbers of rows: {told}")
    problems: list[Problem] = []
    columns = [_checked(tensor, fields[tensor.name], problems) for tensor in given]
    if problems:
        raise invalid_rows(problems)
    names = [tensor.name for tensor in given]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def from_predictions(target: Field, predictions: Sequence[Any], known: Sequence[Tensor] = ()) -> list[Tensor]:
    """Predictions as tensors: the target under its own name, and all else that a dict of predictions has by its key.

    What lies in another dict is named with a point (`probability.setosa`). Numbers other than the target are FP64,
    lists of them have a second dimension; what is none of number, text, boolean or such a list is JSON in BYTES.
    `known` are the tensors that there are where nothing is predicted.
    """
    rows = [dict(_flat("", value)) if isinstance(value, dict) else {target.name: value} for value in predictions]
    names = list(dict.fromkeys(name for row in rows for name in row))
    if not rows:
        return [each._replace(shape=(0, *each.shape[1:])) for each in known or [about(target)]]
    integral = target.kind == "integer"
    return [_column(name, [row.get(name) for row in rows], integral and name == target.name) for name in names]


def _flat(prefix: str, value: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if isinstance(item, dict):
            yield from _flat(f"{prefix}{key}.", item)
        else:
            yield f"{prefix}{key}", item


def _column(name: str, values: list[Any], integral: bool) -> Tensor:
    types = {type(value) for value in values}
    if types == {bool}:
        return Tensor(name, "BOOL", (len(values),), values)
    if types == {str}:
        return Tensor(name, "BYTES", (len(values),), values)
    if integral and types == {int}:
        return Tensor(name, "INT64", (len(values),), values)
    if types <= {int, float, type(None)} and types != {type(None)}:
        return Tensor(name, "FP64", (len(values),), [value if value is None else float(value) for value in values])
    if types == {list} and (width := _width(values)):
        return Tensor(name, "FP64", (len(values), width), [float(value) for row in values for value in row])
    return Tensor(name, "BYTES", (len(values),), [msgspec.json.encode(value).decode() for value in values])


def _width(lists: list[list[Any]]) -> int:
    """How many numbers each of the lists has; 0 where they are not alike, or hold something else."""
    alike = len({len(each) for each in lists}) == 1
    return len(lists[0]) if alike and all(type(value) in (int, float) for each in lists for value in each) else 0


def _check_size(tensor: Tensor) -> None:
    if any(type(size) is not int or size < 0 for size in tensor.shape) or not tensor.shape:
        raise refused(tensor.name, f"{list(tensor.shape)[:8]} is no shape; [rows] is needed")
    if math.prod(tensor.shape) != len(tensor.values):
        problem = f"its shape {list(tensor.shape)[:8]} needs {math.prod(tensor.shape)} values, and it has"
        raise refused(tensor.name, f"{problem} {len(tensor.values)}")


def _columns(schema: Schema, tensor: Tensor) -> list[Tensor]:
    """The one tensor of all fields, by field."""
    names = schema.names
    if any(field.kind not in ("number", "integer") for field in schema.fields):
        raise _invalid(f"unknown input tensor {_cut(tensor.name)}; {nearest(tensor.name, names)}")
    if len(tensor.shape) != 2 or tensor.shape[1] != len(names):
        shape = list(tensor.shape)[:8]
        problem = f"{_cut(tensor.name)} is no field, and as the tensor of all fields its shape is [rows, {len(names)}]"
        raise _invalid(f"{problem}, not {shape}; {nearest(tensor.name, names)}")
    rows, width = tensor.shape
    return [tensor._replace(name=name, shape=(rows,), values=tensor.values[at::width]) for at, name in enumerate(names)]


def _check_names(schema: Schema, names: list[str]) -> None:
    known = schema.names
    if unknown := [name for name in names if name not in known]:
        raise _invalid(f"unknown input tensor {_cut(unknown[0])}; {nearest(unknown[0], known)}")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise _invalid(f"the input tensor {twice!r} is there twice")
    if missing := [field.name for field in schema.fields if field.needed and field.name not in names]:
        raise _invalid(f"input tensors are missing: {', '.join(missing)[:500]}")
    if not names:
        raise _invalid(f"there is no input tensor; known: {', '.join(known)[:500]}")


def _count(tensor: Tensor) -> int:
    rows, *more = tensor.shape
    if more not in ([], [1]):
        shapes = f"[{rows}] or [{rows}, 1]"
        raise refused(tensor.name, f"its shape is {list(tensor.shape)[:8]}; {shapes} is needed")
    return rows


def _checked(tensor: Tensor, field: Field, problems: list[Problem]) -> list[Any]:
    taken = _TAKEN[field.kind]
    if tensor.datatype not in taken:
        more = f" (or {', '.join(taken[1:])})" if len(taken) > 1 else ""
        raise refused(tensor.name, f"its datatype is {tensor.datatype[:20]!r}; {taken[0]} is needed{more}")
    if allowed := _INTEGERS.get(tensor.datatype):
        for row, value in enumerate(tensor.values):
            if value is not None and not (type(value) is int and value in allowed) and len(problems) < _MOST:
                problems.append(Problem(row, field.name, f"{repr(value)[:60]} is no {tensor.datatype}"))
    if tensor.datatype in _FLOATS and field.optional:
        return [None if value is not None and value != value else value for value in tensor.values]
    return list(tensor.values)


def _cut(name: str) -> str:
    return repr(name[:60])


def _invalid(message: str) -> Refusal:
    return Refusal(400, "invalid_tensors", message)
