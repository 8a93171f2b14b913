"""The text of `slipway.yaml` as structs; a message names the path of an unknown key or a wrong value."""

from __future__ import annotations

import re
from typing import Any, Literal, NoReturn, TypeVar, get_args, get_origin

import msgspec
import yaml
from msgspec import Meta, Struct

from slipway.errors import SlipwayError
from slipway.names import nearest

FILE = "slipway.yaml"

T = TypeVar("T")

_LONGEST_SHOWN = 80
_MOST = 100_000

# What every reader of YAML takes for the same number.
_NUMBER = re.compile(
    r"[-+]?(0|[1-9][0-9]*)(\.[0-9]*)?([eE][-+]?[0-9]+)?|[-+]?\.[0-9]+([eE][-+]?[0-9]+)?|[-+]?\.(?i:inf|nan)"
)

_WORDS = {
    "str": "text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "a block of keys",
    "array": "a list",
    "null": "nothing",
}


def read(text: str) -> Any:
    """Return the content of the file; raise `SlipwayError` with the line of a mistake or a repeated key."""
    try:
        content = _load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise SlipwayError(f"{FILE}{line}: {error.problem or error.context}", fix=_advice(error)) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise SlipwayError(f"{FILE} is not YAML: {error}") from error
    if _size(content, {}) > _MOST:
        refuse("", "its aliases stand for more than anyone has written", "write out what is meant")
    return content


def _load(text: str) -> Any:
    """Load by libyaml; where it finds a mistake, load again by the slower parser, whose messages say more."""
    try:
        return yaml.load(text, _FastLoader)  # noqa: S506 - a safe loader that also refuses repeated keys
    except (yaml.YAMLError, RecursionError, ValueError):
        return yaml.load(text, _Loader)  # noqa: S506 - a safe loader that also refuses repeated keys


def _size(content: Any, known: dict[int, int]) -> int:
    """Count the values with all aliases written out; return more than `_MOST` for a value that holds itself."""
    if not isinstance(content, (dict, list)):
        return 1
    if id(content) not in known:
        known[id(content)] = _MOST + 1
        below = content.values() if isinstance(content, dict) else content
        known[id(content)] = 1 + sum(_size(each, known) for each in below)
    return known[id(content)]


def _advice(error: yaml.MarkedYAMLError) -> str:
    problem = error.problem or ""
    if isinstance(error, _Ambiguous):
        return "write the number in decimal digits, or put it in quotes if it is a text"
    if "'\\t'" in problem:
        return "indent with spaces: YAML takes no tabs"
    if "alphabetic or numeric" in problem or "undefined alias" in problem:
        return "put what begins with * or & in quotes, a schedule for one: '0 3 * * 1'"
    return "keep one of them" if "twice" in problem else "mend that line or the one above it"


def refuse(path: str, problem: str, fix: str = "") -> NoReturn:
    """Raise `SlipwayError` for the value at `path` in the file."""
    raise SlipwayError(f"{FILE}: {path}: {problem}" if path else f"{FILE}: {problem}", fix=fix)


def convert(content: Any, type_: type[T], at: str) -> T:
    """Return `content` as `type_`; raise `SlipwayError` with the path of the first mistake, which begins with `at`."""
    try:
        return msgspec.convert(content, type_, strict=True)
    except msgspec.ValidationError as error:
        _check(content, type_, at)
        raise SlipwayError(f"{FILE}: {error}") from error


def _check(content: Any, type_: Any, at: str) -> None:
    """Refuse the first wrong key or value with its whole path, which msgspec shortens within dicts."""
    members = [type_, *(() if get_origin(type_) in (dict, list) else get_args(type_))]
    struct = next((member for member in members if isinstance(member, type) and issubclass(member, Struct)), None)
    if isinstance(content, dict):
        if bad := [key for key in content if not isinstance(key, str)]:
            refuse(at, f"the key {bad[0]!r} is not text", "put it in quotes")
        if struct is not None:
            _check_keys(content, struct, at)
        elif get_origin(type_) is dict:
            key_type, value_type = get_args(type_)
            for key, value in content.items():
                _check_value(key, key_type, _below(at, key))
                _check(value, value_type, _below(at, key))
    elif isinstance(content, list) and get_origin(type_) is list:
        for index, value in enumerate(content):
            _check(value, get_args(type_)[0], f"{at}[{index}]")
    _check_value(content, type_, at)


def _check_keys(content: dict[str, Any], struct: type[Struct], at: str) -> None:
    fields = {item.name: item for item in msgspec.structs.fields(struct)}
    for key, value in content.items():
        if key not in fields:
            refuse(_below(at, key), f"unknown key; {nearest(key, fields)}")
        _check(value, fields[key].type, _below(at, key))
    for name, item in fields.items():
        if item.required and name not in content:
            refuse(_below(at, name), "is missing")


def _below(at: str, key: str) -> str:
    return f"{at}.{key}" if at else key


def _check_value(content: Any, type_: Any, at: str) -> None:
    try:
        msgspec.convert(content, type_, strict=True)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$")
        where = f"{at}{path.rstrip('`')}".lstrip(".")
        if wrong := re.fullmatch("Expected `(.+?)`, got `(.+?)`", problem):
            _refuse_type(where, wrong[1], wrong[2])
        # The name of a Secret may be the secret itself, by mistake.
        shown = "this" if ".secrets." in where or where.endswith(".secret") else repr(content)[:_LONGEST_SHOWN]
        refuse(where, f"{shown} {_objection(content, type_, problem)}")


def _refuse_type(where: str, wanted: str, found: str) -> NoReturn:
    kinds = [kind for kind in wanted.split(" | ") if kind != "null"]
    kinds = [kind for kind in kinds if kind != "int" or "float" not in kinds]
    words = " or ".join(_WORDS.get(kind, kind) for kind in kinds)
    quotes = "str" in kinds and found in ("int", "float", "bool", "date", "datetime")
    refuse(where, f"{words} is needed, not {_WORDS.get(found, found)}", fix="put it in quotes" if quotes else "")


def _objection(content: Any, type_: Any, problem: str) -> str:
    """Say in our words why a value of the right type is wrong."""
    if get_origin(type_) is Literal:
        return f"is not known; {nearest(str(content), get_args(type_))}"
    metas = [meta for member in (type_, *get_args(type_)) for meta in get_args(member) if isinstance(meta, Meta)]
    described = [meta.description for meta in metas if meta.description]
    if described:
        return f"will not do: {described[0]}"
    return f"will not do: it has to be {re.sub('Expected `.+?` ', '', problem)}"


class _Ambiguous(yaml.constructor.ConstructorError):
    pass


class _UniqueKeys(yaml.constructor.SafeConstructor):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        names = [self.construct_object(key, deep=True) for key in keys]
        for place, name in enumerate(names):
            if name in names[:place]:
                problem = f"the key {name!r} stands twice"
                raise yaml.constructor.ConstructorError(None, None, problem, keys[place].start_mark)
        return super().construct_mapping(node, deep=deep)


class _OneMeaning(yaml.constructor.SafeConstructor):
    """Refuse numbers that YAML 1.1 reads otherwise than people and YAML 1.2: 012 is 10, 1:30 is 90."""

    def number(self, node: yaml.ScalarNode) -> Any:
        if not _NUMBER.fullmatch(node.value):
            read = yaml.safe_load(node.value)
            problem = f"{node.value} is read as {read} by some and otherwise by others"
            raise _Ambiguous(None, None, problem, node.start_mark)
        return self.construct_yaml_int(node) if node.tag == "tag:yaml.org,2002:int" else self.construct_yaml_float(node)


for _kind in ("int", "float"):
    _OneMeaning.add_constructor(f"tag:yaml.org,2002:{_kind}", _OneMeaning.number)  # type: ignore[type-var]


class _Loader(_UniqueKeys, _OneMeaning, yaml.SafeLoader):
    pass


class _FastLoader(_UniqueKeys, _OneMeaning, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    pass
