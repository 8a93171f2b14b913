"""Fields of a schema, made from the types of a model's input and output."""

from __future__ import annotations

import dataclasses
import enum
import functools
import math
import types
from collections import Counter
from datetime import UTC, date, datetime, tzinfo
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec

from slipway.names import form
from slipway.schema import moments
from slipway.schema.schema import Field, Kind

_SIMPLE: dict[type, Kind] = {bool: "boolean", int: "integer", float: "number", str: "string"}
_KINDS: dict[type, Kind] = {**_SIMPLE, date: "date", datetime: "datetime"}


class ContractError(TypeError):
    """A model's class breaks the contract; the message says where and how."""


class Range(NamedTuple):
    """The limits and the meaning of a typed field: `radius: Annotated[float, Range(0, 50, unit="mm")]`."""

    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    description: str = ""


class Named(NamedTuple):
    """The name of a field for the data and for callers, where it is no name in Python.

    `kind: Annotated[str, Named("class")]` stands for the column `class`.
    """

    name: str


class Length(NamedTuple):
    """The length of a list of numbers: `embedding: Annotated[list[float], Length(384)]`."""

    size: int


def fields_of(row: Any, where: str) -> tuple[Field, ...]:
    """Return the fields of the dataclass `row`; raise `ContractError` for a type that cannot be a field."""
    if not isinstance(row, type) or not dataclasses.is_dataclass(row):
        raise ContractError(f"{where}.input is {row!r}: it has to be a dataclass")
    try:
        hints = get_type_hints(row, include_extras=True)
    except (NameError, TypeError) as error:
        fix = "import it outside of `if TYPE_CHECKING`, and write the class at the outermost level of its module"
        raise ContractError(f"{row.__name__}: a type cannot be found: {error}; {fix}") from error
    found = []
    for field in dataclasses.fields(row):
        if field.init:
            where = f"{row.__name__}.{field.name}"
            name = _name_in(field.name, hints[field.name], where)
            found.append(_with_default(field_of(name, hints[field.name], where), field, row))
    forms = Counter(form(field.name) for field in found)
    if twice := [field.name for field in found if forms[form(field.name)] > 1]:
        raise ContractError(f"{row.__name__}: {twice[0]!r} is the name of two fields")
    return tuple(found)


@functools.cache
def names_of(row: type) -> dict[str, str]:
    """Return the names of the fields of the dataclass `row` for the data and for callers, by its attributes."""
    attributes = [field.name for field in dataclasses.fields(row)]
    try:
        hints = get_type_hints(row, include_extras=True)
    except (NameError, TypeError):  # a dataclass that no contract needs, as one within a prediction
        return dict(zip(attributes, attributes, strict=True))
    return {name: _name_in(name, hints.get(name), f"{row.__name__}.{name}") for name in attributes}


def _name_in(attribute: str, hint: Any, where: str) -> str:
    """Return the name that a type gives to its field, or else the attribute's own."""
    named = [extra.name for extra in _extras(hint) if isinstance(extra, Named)]
    if not named:
        return attribute
    if len(named) > 1 or not isinstance(named[0], str) or not named[0].strip():
        raise ContractError(f"{where}: {hint} has to have one Named, with the name of a column")
    return named[0]


def _extras(hint: Any) -> tuple[Any, ...]:
    """Return what stands beside a type in `Annotated`, in the members of a union, too."""
    if get_origin(hint) is Annotated:
        inner, *extras = get_args(hint)
        return (*extras, *_extras(inner))
    if get_origin(hint) in (Union, types.UnionType):
        return tuple(extra for member in get_args(hint) for extra in _extras(member))
    return ()


def output_of(name: str, hint: Any, where: str) -> Field:
    """Return the field of a prediction: of a dataclass, an object with its fields; of `list`, a list of numbers."""
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        parts = tuple(_labelled(part) for part in fields_of(hint, where))
        return Field(name=name, kind="object", parts=parts)
    if hint is list or (get_origin(hint) is list and get_args(hint) in ((float,), (int,))):
        return Field(name=name, kind="array")
    return _labelled(field_of(name, hint, where))


def _labelled(field: Field) -> Field:
    """Return a truth value as two classes."""
    return msgspec.structs.replace(field, categories=(False, True)) if field.kind == "boolean" else field


def _with_default(field: Field, declared: dataclasses.Field[Any], row: type) -> Field:
    """Return the field with the default that the dataclass declares."""
    default = declared.default
    if declared.default_factory is not dataclasses.MISSING:
        default = declared.default_factory()
    if default is dataclasses.MISSING:
        return field
    if field.kind == "array":  # one list for all rows could be changed by a model
        raise ContractError(f"{row.__name__}.{field.name}: a list has no default; `| None` lets a row leave it out")
    value = default.value if isinstance(default, enum.Enum) else default
    try:
        return msgspec.structs.replace(field, default=moments.plain(field.parse(value)))
    except ValueError as error:
        raise ContractError(f"{row.__name__}.{field.name}: its default {value!r} does not fit: {error}") from error


def field_of(name: str, hint: Any, where: str) -> Field:
    """Return the field of a type; it may be None, or have a `Range`.

    The types are `float`, `int`, `bool`, `str`, `Literal`, `Enum`, `date`, `datetime` without a zone, and
    `Annotated[datetime, UTC]` with one, and `Annotated[list[float], Length(3)]`.
    """
    extras = _extras(hint)
    zones = [extra for extra in extras if isinstance(extra, tzinfo)]
    lengths = [extra for extra in extras if isinstance(extra, Length)]
    hint, limits, optional = _unwrapped(hint, where)
    kind, categories = ("array", ()) if hint == list[float] else _kind_of(hint, where)
    if len(lengths) != int(kind == "array") or any(type(each.size) is not int or each.size < 1 for each in lengths):
        raise ContractError(f"{where}: a list of numbers has one length, at least 1: Annotated[list[float], Length(3)]")
    if zones:
        if hint is not datetime or zones != [UTC]:
            raise ContractError(f"{where}: only a datetime has a zone, and it is UTC: Annotated[datetime, UTC]")
        kind = "instant"
    _check_range(limits, kind, where)
    return Field(
        name=name,
        kind=kind,
        categories=categories,
        minimum=None if limits.minimum is None else float(limits.minimum),
        maximum=None if limits.maximum is None else float(limits.maximum),
        unit=limits.unit,
        description=limits.description,
        optional=optional,
        length=lengths[0].size if lengths else 0,
    )


def _unwrapped(hint: Any, where: str) -> tuple[Any, Range, bool]:
    """Return the type without `Annotated` and `| None`, its range, and True if it may be None."""
    limits, optional = Range(), False
    while True:
        if get_origin(hint) is Annotated:
            hint, *extras = get_args(hint)
            limits = next((extra for extra in extras if isinstance(extra, Range)), limits)
        elif get_origin(hint) in (Union, types.UnionType):
            members = [member for member in get_args(hint) if member is not type(None)]
            if len(members) != 1:
                raise ContractError(f"{where}: {hint} is more than one type")
            hint, optional = members[0], True
        elif get_origin(hint) is Literal and None in get_args(hint) and get_args(hint) != (None,):
            hint, optional = Literal[tuple(value for value in get_args(hint) if value is not None)], True
        else:
            return hint, limits, optional


def _check_range(limits: Range, kind: Kind, where: str) -> None:
    given = [limit for limit in (limits.minimum, limits.maximum) if limit is not None]
    if not given:
        return
    if kind not in ("number", "integer", "array"):
        raise ContractError(f"{where}: a range is for numbers, and this is {kind}")
    if not all(type(limit) in (int, float) and math.isfinite(limit) for limit in given) or given != sorted(given):
        raise ContractError(f"{where}: {limits!r} has to have two finite numbers, the smaller one first")


def _kind_of(hint: Any, where: str) -> tuple[Kind, tuple[Any, ...]]:
    if isinstance(hint, type) and hint in _KINDS:
        return _KINDS[hint], ()
    if get_origin(hint) is Literal:
        values = get_args(hint)
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        values = tuple(member.value for member in hint)
    else:
        known = "float, int, bool, str, date, datetime, Literal, an Enum or Annotated[list[float], Length(3)]"
        raise ContractError(f"{where}: {hint!r} is no type for a field: use {known}")
    kinds = {type(value) for value in values}
    if len(kinds) != 1 or not kinds <= _SIMPLE.keys():
        raise ContractError(f"{where}: the values of {hint!r} are not all of one simple type")
    return _SIMPLE[kinds.pop()], values


@functools.cache
def enums_of(row: type) -> dict[str, type[enum.Enum]]:
    """Return the enums of the dataclass `row`, by the name of the field for callers."""
    hints = get_type_hints(row)
    names = [field.name for field in dataclasses.fields(row) if field.init]
    return {names_of(row)[name]: members for name in names if (members := _enum_in(hints[name]))}


def _enum_in(hint: Any) -> type[enum.Enum] | None:
    members = get_args(hint) or (hint,)
    return next((member for member in members if isinstance(member, type) and issubclass(member, enum.Enum)), None)


@functools.cache
def only_keeps(row: type) -> bool:
    """Return True for a dataclass that keeps what it is given: no method of it can refuse or change a value.

    The methods that `dataclass` writes are none of a file.
    """
    names = [field.name for field in dataclasses.fields(row)]
    for each in row.__mro__[:-1]:
        written = [name for name in _DECIDING if name in vars(each) and not _is_generated(vars(each)[name])]
        if written or any(_is_descriptor(vars(each)[name]) for name in names if name in vars(each)):
            return False
    return True


_DECIDING = ("__post_init__", "__init__", "__new__", "__setattr__", "__getattribute__", "__getattr__")


def _is_generated(method: Any) -> bool:
    return getattr(getattr(method, "__code__", None), "co_filename", "") == "<string>"


def _is_descriptor(member: Any) -> bool:
    return hasattr(member, "__get__") and not isinstance(member, types.MemberDescriptorType)
