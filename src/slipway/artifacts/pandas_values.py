"""Series, DataFrames and indexes of pandas as attributes of a model: JSON of names, types and values.

Nothing in it is executed when it is read. Numbers are kept as their bytes, and so exactly. They may lie in lists, dicts
and tuples, beside numpy's arrays.
"""

from __future__ import annotations

import json
import math
from base64 import b64decode, b64encode
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from slipway.artifacts import values
from slipway.errors import SlipwayError

if TYPE_CHECKING:
    import pandas as pd

_TYPES = ("DataFrame", "Index", "MultiIndex", "RangeIndex", "DatetimeIndex", "CategoricalIndex", "Series")
# Kinds of numpy's types whose bytes are the values: booleans, numbers, dates and durations.
_BYTES = "biufcMm"


def holds(value: Any) -> bool:
    """Return True if `value` is such an object, or a collection of them."""
    if isinstance(value, dict):
        return any(map(holds, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(holds, value))
    return _is_pandas(value)


def encode(value: Any, name: str) -> bytes:
    """Return `value` as JSON; messages call it `name`.

    Raise `SlipwayError` for a value that would not come back as it is.
    """
    content = json.dumps(_encode(value, name), allow_nan=False, separators=(",", ":")).encode()
    if not _same(value, decode(content)):
        problem = f"{name} holds an object of pandas that cannot be saved as it is"
        raise SlipwayError(problem, fix="keep plain columns: numbers, texts, dates and categories; or keep arrays")
    return content


def decode(content: bytes) -> Any:
    """Return the value that `encode` was given; raise `ValueError` for other content."""
    try:
        return _decode(json.loads(content))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"no values of pandas: {type(error).__name__}: {error}") from error


def _is_pandas(value: Any) -> bool:
    return any(values.is_of("pandas", name, value) for name in _TYPES)


def _encode(value: Any, at: str) -> Any:
    if _is_pandas(value):
        return _encode_object(value, at)
    if values.is_array(value):
        return {"$array": _encode_array(value, at)}
    if type(value) in (list, tuple):
        items = [_encode(item, f"{at}[{index}]") for index, item in enumerate(value)]
        return {"$tuple": items} if type(value) is tuple else items
    if type(value) is dict:
        return {"$dict": [[_plain(key, at), _encode(item, f"{at}[{key!r}]")] for key, item in value.items()]}
    return {"$plain": _plain(value, at)}


def _encode_object(value: Any, at: str) -> Any:
    if values.is_of("pandas", "DataFrame", value):
        columns = [_encode_array(value.iloc[:, index], at) for index in range(value.shape[1])]
        return {"$frame": columns, "columns": _encode_index(value.columns, at), "index": _encode_index(value.index, at)}
    if values.is_of("pandas", "Series", value):
        name, index = _plain(value.name, at), _encode_index(value.index, at)
        return {"$series": _encode_array(value, at), "name": name, "index": index}
    return _encode_index(value, at)


def _encode_index(index: pd.Index[Any], at: str) -> Any:
    names = [_plain(name, at) for name in index.names]
    if values.is_of("pandas", "RangeIndex", index):
        return {"$range": [index.start, index.stop, index.step], "names": names}  # type: ignore[attr-defined]
    if index.nlevels > 1:
        levels = [_encode_array(index.get_level_values(level), at) for level in range(index.nlevels)]
        return {"$levels": levels, "names": names}
    return {"$index": _encode_array(index, at), "names": names}


def _encode_array(column: Any, at: str) -> Any:
    """Return the values of a column, an index or an array of one type."""
    type_ = str(column.dtype)
    if type_ == "category":
        categories = _encode_array(column.cat.categories if hasattr(column, "cat") else column.categories, at)
        codes = column.cat.codes if hasattr(column, "cat") else column.codes
        dtype = column.dtype
        return {"dtype": type_, "codes": [int(code) for code in codes], "of": categories, "ordered": dtype.ordered}
    plain = column.to_numpy() if hasattr(column, "to_numpy") else column
    if plain.dtype.kind in _BYTES and str(plain.dtype) == type_:
        little = plain.astype(plain.dtype.newbyteorder("<"))
        shape = list(plain.shape)
        return {"dtype": type_, "shape": shape, "bytes": b64encode(little.tobytes()).decode()}
    missing = [False] * len(column) if type_ == "object" else [bool(each) for each in column.isna()]
    items = [None if gap else _plain(item, at) for item, gap in zip(column.tolist(), missing, strict=True)]
    return {"dtype": type_, "items": items}


def _plain(value: Any, at: str) -> Any:
    """Return a value that is no collection of pandas' objects as `values.encode` does; NaN and infinities too."""
    if isinstance(value, float) and not math.isfinite(value):
        return {"$float": str(float(value))}
    try:
        return json.loads(values.encode(value, at))
    except values.NotPlainError as error:
        raise SlipwayError(f"{error}, beside objects of pandas", fix="keep it in an attribute of its own") from error


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(item) for item in value]
    tag = next(iter(value))
    return _READ[tag](value)


def _decode_plain(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"$float"}:
        return float(value["$float"])
    return values.decode(json.dumps(value).encode())


def _decode_frame(value: Any) -> Any:
    import pandas as pd

    index = _decode(value["index"])
    columns = [pd.Series(_decode_array(each), index=index) for each in value["$frame"]]
    # Names may be there twice, so they are given after.
    found = pd.DataFrame(dict(enumerate(columns)), index=index)
    found.columns = _decode(value["columns"])
    return found


def _decode_series(value: Any) -> Any:
    import pandas as pd

    name = _decode_plain(value["name"])
    return pd.Series(_decode_array(value["$series"]), index=_decode(value["index"]), name=name)


def _decode_index(value: Any) -> Any:
    import pandas as pd

    names = [_decode_plain(name) for name in value["names"]]
    if "$range" in value:
        start, stop, step = value["$range"]
        return pd.RangeIndex(start, stop, step, name=names[0])
    if "$levels" in value:
        return pd.MultiIndex.from_arrays([_decode_array(level) for level in value["$levels"]], names=names)
    return pd.Index(_decode_array(value["$index"]), name=names[0])


def _decode_array(value: Any) -> Any:
    import numpy as np
    import pandas as pd

    if "bytes" in value:
        dtype = np.dtype(value["dtype"])
        if dtype.hasobject:
            raise ValueError("an array of objects has no bytes")
        array = np.frombuffer(b64decode(value["bytes"]), dtype.newbyteorder("<")).astype(dtype)
        return array.reshape(value["shape"])
    if value["dtype"] == "category":
        return pd.Categorical.from_codes(value["codes"], _decode_array(value["of"]), ordered=value["ordered"])
    items = [_decode_plain(item) for item in value["items"]]
    if value["dtype"] == "object":
        array = np.empty(len(items), dtype=object)
        array[:] = items
        return array
    return pd.array(items, dtype=value["dtype"])


_READ: dict[str, Callable[[Any], Any]] = {
    "$array": lambda value: _decode_array(value["$array"]),
    "$dict": lambda value: {_decode_plain(key): _decode(item) for key, item in value["$dict"]},
    "$frame": _decode_frame,
    "$index": _decode_index,
    "$levels": _decode_index,
    "$plain": lambda value: _decode_plain(value["$plain"]),
    "$range": _decode_index,
    "$series": _decode_series,
    "$tuple": lambda value: tuple(map(_decode, value["$tuple"])),
}


def _same(one: Any, other: Any) -> bool:
    """Return True if a value came back with its types, names and values."""
    if _is_pandas(one):
        return type(one) is type(other) and _equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_same(item, other[key]) for key, item in one.items())
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    return True


def _equal(one: Any, other: Any) -> bool:
    import pandas as pd

    check: Any = pd.testing.assert_index_equal
    options = {"check_exact": True}
    if not isinstance(one, pd.Index):
        check = pd.testing.assert_series_equal if isinstance(one, pd.Series) else pd.testing.assert_frame_equal
        options |= {"check_freq": False}
    try:
        check(one, other, **options)
    except AssertionError:
        return False
    return True
