"""Tensors of the Open Inference Protocol: as rows by the model's schema, and as bytes.

Each field is an input with one value for each row, of the shape [n] or [n, 1]; a list of numbers has [n, length]. Where
all fields are numbers, one tensor of the shape [n, fields] under any other name holds all of them, in the order of the
fields.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from slipway.names import nearest
from slipway.schema import MOST, Columns, Field, Kind, Problem, Schema
from slipway.serving.answers import Refusal, invalid_rows

_FLOATS = ("FP64", "FP32", "FP16")
_INTEGERS = {f"INT{bits}": range(-(2 ** (bits - 1)), 2 ** (bits - 1)) for bits in (64, 32, 16, 8)}
_INTEGERS |= {f"UINT{bits}": range(2**bits) for bits in (64, 32, 16, 8)}

# The datatypes that a kind of field takes; the first is in the field's metadata.
_TAKEN: dict[Kind, tuple[str, ...]] = {
    "number": (*_FLOATS, *_INTEGERS),
    "array": (*_FLOATS, *_INTEGERS),
    "integer": (*_INTEGERS, *_FLOATS),
    "boolean": ("BOOL",),
    "string": ("BYTES",),
    "date": ("BYTES",),
    "datetime": ("BYTES",),
    "instant": ("BYTES",),
}
# Each of their values is one of the field's kind as it stands.
_SURE: dict[Kind, tuple[str, ...]] = {
    "number": _FLOATS,
    "array": _FLOATS,
    "integer": ("INT64",),
    "boolean": ("BOOL",),
    "string": ("BYTES",),
    "date": ("BYTES",),
    "datetime": ("BYTES",),
    "instant": ("BYTES",),
}
_OWN = {kind: taken[0] for kind, taken in _TAKEN.items()}
# The sizes in a shape: the product of two is still computed and printed at once.
_SIZES = range(2**31)


class Tensor(NamedTuple):
    """A named tensor: its values in one sequence, row after row; None is a missing value."""

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: Sequence[Any]

    def metadata(self) -> dict[str, Any]:
        """Return all but the values, as the protocol has it."""
        return {"name": self.name, "datatype": self.datatype, "shape": self.shape}


def about(field: Field) -> Tensor:
    """Return the metadata of a field: -1 stands for any number of rows."""
    return Tensor(field.name, _OWN[field.kind], (-1, field.length) if field.length else (-1,), ())


def row_count(outputs: Sequence[Any]) -> int | None:
    """Return the number of rows in outputs, which are tensors or messages of them; None where there is no output."""
    return int(outputs[0].shape[0]) if outputs else None


def invalid(message: str) -> Refusal:
    """Return the refusal (400) of tensors that do not fit."""
    return Refusal(400, "invalid_tensors", message)


def refused(name: str, reason: str) -> Refusal:
    """Return the refusal (400) of the tensor `name`."""
    return invalid(f"tensor {name[:60]!r}: {reason}")


def to_rows(
    schema: Schema, given: Sequence[Tensor], check_rows: Callable[[int], None]
) -> list[dict[str, Any]] | Columns:
    """Return the rows in the tensors: checked columns if they surely fit, else as a caller of `/predict` sends them.

    `check_rows` raises for too many rows before any is made. The tensor of a field that is optional or has a default
    may be left out; NaN is a missing value. Raise `Refusal` (400) for a name, a datatype or a shape that does not fit,
    and for values outside their datatype, each with its row and field.
    """
    for tensor in given:
        _check_size(tensor)
    given = [tensor._replace(name=schema.spelled(tensor.name)) for tensor in given]
    fields = {field.name: field for field in schema.fields}
    if len(given) == 1 and given[0].name not in fields:
        given = _columns(schema, given[0])
    _check_names(schema, [tensor.name for tensor in given])
    counts = {tensor.name: _count(tensor, fields[tensor.name]) for tensor in given}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name[:60]} {count}" for name, count in counts.items())
        raise invalid(f"the input tensors are of different numbers of rows: {listed}")
    count = max(counts.values())
    check_rows(count)
    if all(_is_sure(tensor, fields[tensor.name]) for tensor in given):
        by_name = {tensor.name: _with_gaps(tensor, fields[tensor.name]) for tensor in given}
        fit = Columns.fitting(schema, by_name, count)
        if fit is not None:
            return fit
    problems: list[Problem] = []
    columns = [_checked(tensor, fields[tensor.name], problems) for tensor in given]
    if problems:
        raise invalid_rows(problems)
    names = [tensor.name for tensor in given]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _check_size(tensor: Tensor) -> None:
    shape = tensor.shape
    if not 1 <= len(shape) <= 2 or not all(type(size) is int and size in _SIZES for size in shape):
        raise refused(tensor.name, f"{str(list(shape[:8]))[:60]} is no shape of this model; [rows] is needed")
    if math.prod(shape) != len(tensor.values):
        needed = f"its shape {list(shape)} needs {math.prod(shape)} values"
        raise refused(tensor.name, f"{needed}, and it has {len(tensor.values)}")


def _columns(schema: Schema, tensor: Tensor) -> list[Tensor]:
    """Split the one tensor of all fields into a tensor for each field."""
    names = schema.names
    if any(field.kind not in ("number", "integer") for field in schema.fields):
        raise invalid(f"unknown input tensor {tensor.name[:60]!r}; {nearest(tensor.name, names)}")
    if len(tensor.shape) != 2 or tensor.shape[1] != len(names):
        shape = list(tensor.shape)[:8]
        problem = f"{tensor.name[:60]!r} is no field, and as the tensor of all fields its shape is [rows, {len(names)}]"
        raise invalid(f"{problem}, not {shape}; {nearest(tensor.name, names)}")
    rows, width = tensor.shape
    return [tensor._replace(name=name, shape=(rows,), values=tensor.values[at::width]) for at, name in enumerate(names)]


def _check_names(schema: Schema, names: list[str]) -> None:
    known = schema.names
    if unknown := [name for name in names if name not in known]:
        raise invalid(f"unknown input tensor {unknown[0][:60]!r}; {nearest(unknown[0], known)}")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise invalid(f"the input tensor {twice!r} is there twice")
    if missing := [field.name for field in schema.fields if field.needed and field.name not in names]:
        raise invalid(f"input tensors are missing: {', '.join(missing)[:500]}")
    if not names:
        raise invalid(f"there is no input tensor; known: {', '.join(known)[:500]}")


def _count(tensor: Tensor, field: Field) -> int:
    rows, *more = tensor.shape
    if field.length and more != [field.length]:
        raise refused(tensor.name, f"its shape is {list(tensor.shape)[:8]}; [rows, {field.length}] is needed")
    if not field.length and more not in ([], [1]):
        raise refused(tensor.name, f"its shape is {list(tensor.shape)[:8]}; [{rows}] or [{rows}, 1] is needed")
    return rows


def _is_sure(tensor: Tensor, field: Field) -> bool:
    """Return True if the datatype is the field's own, so that a check of the field is one of the tensor, too."""
    return tensor.datatype in _SURE[field.kind]


def _checked(tensor: Tensor, field: Field, problems: list[Problem]) -> list[Any]:
    taken = _TAKEN[field.kind]
    if tensor.datatype not in taken:
        more = f" (or {', '.join(taken[1:])})" if len(taken) > 1 else ""
        raise refused(tensor.name, f"its datatype is {tensor.datatype[:20]!r}; {taken[0]} is needed{more}")
    if allowed := _INTEGERS.get(tensor.datatype):
        for row, value in enumerate(tensor.values):
            if value is not None and not (type(value) is int and value in allowed) and len(problems) < MOST:
                problems.append(
                    Problem(row // (field.length or 1), field.name, f"{repr(value)[:60]} is no {tensor.datatype}")
                )
    return list(_with_gaps(tensor, field))


def _with_gaps(tensor: Tensor, field: Field) -> Sequence[Any]:
    """Return the values, or a list of them for each row; NaN is a missing one where that is allowed."""
    if field.length:
        return list(map(partial(_list, optional=field.optional), _chunks(tensor.values, field.length)))
    if tensor.datatype in _FLOATS and field.optional:
        return [None if value is not None and value != value else value for value in tensor.values]
    return tensor.values


def _chunks(values: Sequence[Any], length: int) -> Iterator[Sequence[Any]]:
    return (values[at : at + length] for at in range(0, len(values), length))


def _list(values: Sequence[Any], *, optional: bool) -> list[Any] | None:
    """Return the numbers of a row, or None where all of them are NaN, which stands for a missing list."""
    return None if optional and all(value is None or value != value for value in values) else list(values)


FORMATS = {
    "FP64": "d",
    "FP32": "f",
    "FP16": "e",
    "INT64": "q",
    "INT32": "i",
    "INT16": "h",
    "INT8": "b",
    "UINT64": "Q",
    "UINT32": "I",
    "UINT16": "H",
    "UINT8": "B",
    "BOOL": "?",
}
"""The format of each datatype in the module `struct`."""

_LENGTH = struct.Struct("<I")


def decode(name: str, datatype: str, content: bytes) -> list[Any]:
    """Return the values in the bytes of the tensor `name`; raise `Refusal` (400) when these are cut off or invalid."""
    if datatype == "BYTES":
        return list(_texts(name, content))
    format_ = FORMATS.get(datatype)
    if format_ is None:
        raise refused(name, f"the datatype {datatype[:20]!r} has no bytes that are read here")
    size = struct.calcsize(f"<{format_}")
    if len(content) % size:
        raise refused(name, f"{len(content)} bytes are no whole number of {datatype}, which has {size}")
    return list(struct.unpack(f"<{len(content) // size}{format_}", content))


def encode(datatype: str, values: Sequence[Any]) -> bytes:
    """Return the bytes of `values`; None becomes NaN or the text `null`, and other datatypes have no missing values."""
    if datatype == "BYTES":
        return b"".join(_LENGTH.pack(len(text)) + text for text in map(text_of, values))
    return struct.pack(f"<{len(values)}{FORMATS[datatype]}", *(float("nan") if v is None else v for v in values))


def text_of(value: str | None) -> bytes:
    """Return the bytes of a text, and `null` for None: the bytes of a text have no missing value."""
    return b"null" if value is None else value.encode()


def _texts(name: str, content: bytes) -> Iterator[str]:
    at = 0
    while at < len(content):
        begin = at + _LENGTH.size
        at = begin + (_LENGTH.unpack_from(content, at)[0] if begin <= len(content) else 0)
        if begin > len(content) or at > len(content):
            raise refused(name, "its bytes end within a text; each has its length in four bytes before it")
        try:
            yield content[begin:at].decode()
        except UnicodeDecodeError:
            raise refused(name, "a text in it is not UTF-8") from None
