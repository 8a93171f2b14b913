"""Values of models as JSON: saved ones, which come back as they were, and predictions.

A value that JSON does not know is saved as an object with one key that begins with `$`: `{"$tuple": […]}`,
`{"$set": […]}`, `{"$frozenset": […]}`, and `{"$dict": [[key, value], …]}` for keys that are not text. A numpy scalar
becomes Python's own number or text.
"""

from __future__ import annotations

import dataclasses
import enum
import io
import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from slipway.errors import SlipwayError
from slipway.schema import Field, Kind, moments
from slipway.schema.fields import names_of
from slipway.text import quoted

_COLLECTIONS: dict[str, Any] = {"$tuple": tuple, "$set": set, "$frozenset": frozenset}
_JSON = frozenset({str, int, bool, type(None)})
_OWN: dict[Kind, type] = {"number": float, "integer": int, "boolean": bool, "string": str}
_TAGS = {type_: tag for tag, type_ in _COLLECTIONS.items()}

_TYPES: Mapping[Kind, tuple[type, ...]] = {
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "string": (str,),
}


class NotPlainError(TypeError):
    """A value with other types in it than None, bool, int, float, str, list, tuple, set and dict."""


def encode(value: Any, name: str) -> bytes:
    """Return `value` as JSON; messages call it `name`.

    Raise `NotPlainError` for a value of another type, and `SlipwayError` for a number that is not finite.
    """
    try:
        return json.dumps(_encode(value, name), allow_nan=False, separators=(",", ":")).encode()
    except RecursionError as error:
        raise SlipwayError(f"{name} holds itself, or is nested too deep to be saved") from error


def decode(content: bytes) -> Any:
    """Return the value that `encode` was given; raise `ValueError` for other content."""
    return _decode(json.loads(content))


def _encode(value: Any, at: str) -> Any:
    value = python_scalar(value)
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        if not math.isfinite(value):
            raise SlipwayError(f"{at} is {value}, which JSON cannot hold", fix="replace it by None, or keep an array")
        return value
    if type(value) is list:
        return [_encode(item, f"{at}[{index}]") for index, item in enumerate(value)]
    if type(value) is dict:
        return _encode_dict(value, at)
    if type(value) in _TAGS:
        items = [_encode(item, f"{at}[{index}]") for index, item in enumerate(value)]
        # The order of a set's items changes from process to process.
        return {_TAGS[type(value)]: items if type(value) is tuple else sorted(items, key=json.dumps)}
    raise NotPlainError(f"{at} is a {type(value).__module__}.{type(value).__qualname__}")


def _encode_dict(value: dict[Any, Any], at: str) -> Any:
    if all(type(key) is str and not key.startswith("$") for key in value):
        return {key: _encode(item, f"{at}[{key!r}]") for key, item in value.items()}
    return {"$dict": [[_encode(key, f"a key of {at}"), _encode(item, f"{at}[{key!r}]")] for key, item in value.items()]}


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    tag = next(iter(value), "") if len(value) == 1 else ""
    if tag in _COLLECTIONS:
        return _COLLECTIONS[tag](map(_decode, value[tag]))
    if tag == "$dict":
        return {_decode(key): _decode(item) for key, item in value[tag]}
    return {key: _decode(item) for key, item in value.items()}


def python_scalar(value: Any) -> Any:
    """Return a numpy scalar as Python's own number, text or truth value, and any other value as it is."""
    return value.item() if is_of("numpy", "generic", value) and value.dtype.kind in "biufU" else value


def is_array(value: Any) -> bool:
    """Return True for a numpy array (of no subclass) without Python objects in it."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is numpy.ndarray and not value.dtype.hasobject


def is_of(library: str, type_: str, value: Any) -> bool:
    """Return True for an object of a library's type; do not import the library, whose objects come with it."""
    module = sys.modules.get(library)
    return module is not None and isinstance(value, getattr(module, type_))


def encode_array(value: Any) -> bytes:
    """Return the array `value` as numpy's own file."""
    import numpy

    buffer = io.BytesIO()
    numpy.save(buffer, value, allow_pickle=False)
    return buffer.getvalue()


def decode_array(content: bytes) -> Any:
    """Return the array that `encode_array` was given; raise `ValueError` for other content."""
    import numpy

    return numpy.load(io.BytesIO(content), allow_pickle=False)


class PredictionError(RuntimeError):
    """A result of the model's `predict` that is no prediction: a fault of the model, not of the caller."""


def to_json(predictions: Any, count: int, target: Field) -> list[Any]:
    """Return `predictions` for `count` rows as JSON values: dicts, lists, text, finite numbers, booleans and None.

    A prediction of `target`, or the value under its name in a dict, has to be of its kind, and one of its categories.
    It may leave the target's range: the truth lies there, and a computed value may miss it by a little. Raise
    `PredictionError` with the row (from 0) and what is wrong.
    """
    found = _column(_items(predictions))
    answers = found if _are_json(found) else [_json(value, f"row {row}") for row, value in enumerate(found)]
    if len(answers) != count:
        raise PredictionError(f"predict returned {len(answers)} predictions for {count} rows")
    if not _all_fit(answers, target):
        for row, answer in enumerate(answers):
            _check(answer, row, target)
    return answers


def _column(predictions: Iterable[Any]) -> list[Any]:
    """Return predictions in a list; those of one enum, or in an array, as the values that they stand for."""
    if is_array(predictions) and predictions.ndim and predictions.dtype.kind in "biufU":  # type: ignore[attr-defined]
        return predictions.tolist()  # type: ignore[attr-defined,no-any-return]
    found = list(predictions)
    kinds = set(map(type, found))
    if len(kinds) == 1 and issubclass(kinds.pop(), enum.Enum):
        return _values(found)
    return found


def _values(members: Sequence[enum.Enum]) -> list[Any]:
    """Return the value of each member; `value` is computed once for all rows that have the same one."""
    values = {place: each.value for place, each in dict(zip(map(id, members), members, strict=True)).items()}
    return [values[place] for place in map(id, members)]


def _are_json(values: Sequence[Any]) -> bool:
    """Return True if all values are JSON's as they stand: asked by column, many times as fast as one by one."""
    kinds = set(map(type, values))
    if kinds <= _JSON:
        return True
    if kinds == {float}:
        return all(map(math.isfinite, values))
    if kinds == {list}:
        return _are_json(list(chain.from_iterable(values)))
    if kinds == {dict}:
        names = values[0].keys()
        alike = all(each.keys() == names for each in values) and set(map(type, names)) == {str}
        return alike and all(_are_json([each[name] for each in values]) for name in names)
    return False


def _all_fit(answers: Sequence[Any], target: Field) -> bool:
    """Return True if all answers surely are predictions of `target`; else each has to be checked."""
    if set(map(type, answers)) == {dict} and not target.parts:
        answers = [each[target.name] for each in answers if target.name in each]
    kinds = set(map(type, answers))
    if kinds != {_OWN.get(target.kind)}:
        return False
    return not target.categories or set(answers) <= {each for each in target.categories if type(each) in kinds}


def json_value(value: Any, at: str) -> Any:
    """Return what a model says beside its predictions as a JSON value; messages call it `at`."""
    return _json(dict(value) if isinstance(value, Mapping) else value, at)


def _items(predictions: Any) -> Iterable[Any]:
    if type(predictions) is list:
        return predictions
    if is_of("pandas", "DataFrame", predictions):
        # Iterating over a frame yields its columns.
        return predictions.to_dict("records")  # type: ignore[no-any-return]
    if isinstance(predictions, (str, bytes, dict, set, frozenset)) or not hasattr(predictions, "__iter__"):
        problem = f"predict returned {_article(predictions)}"
        raise PredictionError(f"{problem}: it has to be a list with one prediction for each row")
    return predictions  # type: ignore[no-any-return]


def _json(value: Any, at: str) -> Any:
    value = _simple(value)
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        if not math.isfinite(value):
            raise PredictionError(f"{at}: predict returned {value}, which is no finite number")
        return value
    if isinstance(value, dict):
        return {_key(key, at): _json(item, f"{at}, {key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(item, f"{at}, [{index}]") for index, item in enumerate(value)]
    raise PredictionError(f"{at}: predict returned {_article(value)}, which JSON cannot hold")


def _simple(value: Any) -> Any:
    """Return `value` without the outermost type that JSON does not know."""
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: getattr(value, attribute) for attribute, name in names_of(type(value)).items()}
    if is_of("numpy", "datetime64", value) or (is_of("numpy", "ndarray", value) and value.dtype.kind == "M"):
        return moments.plain_of(value)
    if is_of("numpy", "ndarray", value) or is_of("pandas", "Series", value):
        return value.tolist()
    return moments.plain(python_scalar(value))


def _key(key: Any, at: str) -> str:
    key = _simple(key)
    if type(key) is not str:
        raise PredictionError(f"{at}: predict returned a dict with the key {key!r}: the keys have to be text")
    return key


def _check_parts(answer: Any, row: int, parts: Sequence[Field]) -> None:
    if missing := [part.name for part in parts if not isinstance(answer, dict) or part.name not in answer]:
        names = ", ".join(part.name for part in parts)
        problem = f"row {row}: predict returned no {', '.join(missing)}"
        raise PredictionError(f"{problem}: a dict with {names} is needed for each row")
    for part in parts:
        _check(answer[part.name], row, part)


def _check(answer: Any, row: int, target: Field) -> None:
    if target.kind == "any":
        return
    if target.parts:
        _check_parts(answer, row, target.parts)
        return
    if isinstance(answer, dict):
        if target.name not in answer:
            return
        answer = answer[target.name]
    if (problem := _objection(answer, target)) and not (answer is None and target.optional):
        raise PredictionError(f"row {row}: predict returned {problem}")


def _objection(answer: Any, target: Field) -> str:
    """Return what is wrong with a value of the target, or nothing."""
    if answer is None:
        return f"None for {target.name}"
    advice = ""
    if isinstance(answer, float) and target.kind == "integer":
        advice = f"; if {target.name} is a quantity and no class, say so in the model's class: output = float"
    if not target.categories:
        wrong = f"{quoted(answer)} for {target.name}; {target.expected} is needed{advice}"
        fits = _is_of_kind(answer, target.kind) and (not target.length or len(answer) == target.length)
        return "" if fits else wrong
    if any(answer == known and type(answer) is type(known) for known in target.categories):
        return ""
    known = ", ".join(map(repr, target.categories))
    return f"the unknown class {answer!r} for {target.name} ({known}){advice}"


def _is_of_kind(answer: Any, kind: Kind) -> bool:
    """Return True for a JSON value of this kind, as the schema promises it to callers."""
    if kind == "array":
        return type(answer) is list and all(type(each) in _TYPES["number"] for each in answer)
    if kind == "integer" and type(answer) is float:
        return answer.is_integer()
    if moments.is_dated(kind):
        return type(answer) is str and moments.kind_in([answer]) == kind
    return type(answer) in _TYPES.get(kind, (type(answer),))


def _article(value: Any) -> str:
    type_ = type(value)
    where = "" if type_.__module__ == "builtins" else f"{type_.__module__}."
    return f"a value of the type {where}{type_.__qualname__}"
