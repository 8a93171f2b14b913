"""Plain values as JSON that comes back as what it was: a tuple as a tuple, a key 0 as 0.

What JSON has no word for is an object with one key that begins with `$`: `{"$tuple": […]}`, `{"$set": […]}`,
`{"$frozenset": […]}`, and `{"$dict": [[key, value], …]}` for keys that are not text. A numpy scalar becomes Python's
own number or text.
"""

from __future__ import annotations

import io
import json
import math
import sys
from typing import Any

from slipway.errors import SlipwayError

__all__ = ["NotPlainError", "decode", "decode_array", "encode", "encode_array", "is_array", "python_scalar"]

_COLLECTIONS: dict[str, Any] = {"$tuple": tuple, "$set": set, "$frozenset": frozenset}
_TAGS = {type_: tag for tag, type_ in _COLLECTIONS.items()}


class NotPlainError(TypeError):
    """A value that is not made of None, bool, int, float, str, list, tuple, set and dict alone."""


def encode(value: Any, name: str) -> bytes:
    """`value` as JSON; `name` is what a message calls it.

    Raises `NotPlainError` for a value of another type, and `SlipwayError` for a number that is not finite.
    """
    try:
        return json.dumps(_encode(value, name), allow_nan=False, separators=(",", ":")).encode()
    except RecursionError as error:
        raise SlipwayError(f"{name} holds itself, or is nested too deep to be saved") from error


def decode(content: bytes) -> Any:
    """The value that `encode` was given; raises `ValueError` when it made no such content."""
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
    """`value` as Python's own number, text or truth value if it is a numpy scalar; if not, itself."""
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.generic) and value.dtype.kind in "biufU":
        return value.item()
    return value


def is_array(value: Any) -> bool:
    """Whether `value` is a numpy array (and of no subclass) without Python objects in it."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is numpy.ndarray and not value.dtype.hasobject


def encode_array(value: Any) -> bytes:
    """The array `value` as numpy's own file."""
    import numpy

    buffer = io.BytesIO()
    numpy.save(buffer, value, allow_pickle=False)
    return buffer.getvalue()


def decode_array(content: bytes) -> Any:
    """The array that `encode` was given; raises `ValueError` when it made no such content."""
    import numpy

    return numpy.load(io.BytesIO(content), allow_pickle=False)
