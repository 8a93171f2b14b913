"""Conversion of a fitted estimator, as it is used in predicting, into a graph by the list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from slipway.artifacts import values as plain
from slipway.artifacts.onnx import graphs, listing
from slipway.artifacts.onnx.builder import Builder, Column, Table, Unconvertible
from slipway.artifacts.onnx.graphs import Graph, Source
from slipway.artifacts.onnx.sessions import session
from slipway.artifacts.onnx.watching import METHODS, Watched, is_array
from slipway.errors import SlipwayError

BOUND = 1e-9
"""The largest difference of a number from scikit-learn's, times the number where that is above 1.

The numbers of both are sums of the same products in another order, so that they differ by some units of the last of 16
digits of the largest product; sums that cancel leave fewer digits of their own, in scikit-learn as in a graph.
"""

_COMMON = ("classes_", "n_features_in_", "feature_names_in_", "n_outputs_")


class Converted(NamedTuple):
    """A converted estimator, as bytes and ready to use."""

    content: bytes
    graph: Graph


def convert(watched: Watched) -> Converted:
    """Return the graph of a watched estimator; raise `Unconvertible` where it stays Python.

    That is where the list has no entry for it, and where predicting uses what no graph offers, or passes what no graph
    takes. The estimator alone decides; nothing is computed on the data.
    """
    import sklearn

    listing.check(watched.estimator_)
    attributes = _attributes(watched)
    if watched.beyond_:
        raise Unconvertible(f"predict uses its {', '.join(sorted(watched.beyond_))}, which a graph has not")
    if not watched.used_:
        raise Unconvertible("predict does not use it")
    columns = _columns(watched.inputs_)
    graph = Builder()
    named = columns[0].name is not None
    results = listing.write(watched.estimator_, Table(graphs.ROWS, columns), graph)
    methods = _methods(watched, results, graph)
    outputs = {method.output: "DOUBLE" if method.labels is None else "INT64" for method in methods.values()}
    if refused := graph.refusals():
        outputs[refused] = "BOOL"
    kind = type(watched.estimator_)
    source = Source(
        type=f"{kind.__module__}.{kind.__qualname__}",
        scikit_learn=sklearn.__version__,
        width=len(columns),
        columns=tuple(str(column.name) for column in columns) if named else None,
        coded=tuple(place for place, column in enumerate(columns) if column.kind == "code"),
        vocabulary=graph.vocabulary,
        refused=refused,
        reasons=graph.reasons,
        most_rows=graph.most_rows,
        methods=methods,
        attributes=attributes,
    )
    content = graph.content(outputs, {graphs.KEY: msgspec.json.encode(source).decode()})
    found = graphs.load(session(content))
    assert isinstance(found, Graph)  # noqa: S101 - it has the key of today's form
    return Converted(content, found)


def _methods(watched: Watched, results: listing.Results, graph: Builder) -> dict[str, graphs.Method]:
    """Return the methods that the graph offers; raise `Unconvertible` when one is missing that predicting uses."""
    found: dict[str, graphs.Method] = {}
    for name in METHODS:
        output = results.get(name)
        if output is None or not hasattr(watched.estimator_, name):
            continue
        if isinstance(output, Table):
            method, why = graphs.Method(output=graph.public(output.name)), output.outward or _codes(output)
        else:
            labels = None if output.labels is None else _kept("classes_", output.labels)
            method, why = graphs.Method(output=output.name, flat=output.flat, labels=labels), ""
        if why and name in watched.used_:
            raise Unconvertible(why)
        if not why:
            found[name] = method
    if lacking := sorted(watched.used_ - found.keys()):
        raise Unconvertible(f"its graph has no {', '.join(lacking)}")
    for name in watched.used_:
        _compare_form(found[name], results[name], watched.forms_[name], name)
    return found


def _codes(table: Table) -> str:
    kinds = {column.kind for column in table.columns}
    return "its transform gives texts or other objects" if "code" in kinds else ""


def _compare_form(method: graphs.Method, output: Any, form: tuple[str, int], name: str) -> None:
    """Raise `Unconvertible` where scikit-learn returns another type, or another number of dimensions."""
    labels = getattr(output, "labels", None)
    kind = "<f8" if labels is None else labels.dtype.str
    if form != (kind, 1 if method.flat else 2):
        raise Unconvertible(f"its {name} gives {form[0] or 'no array'} in {form[1]} dimensions, which a graph does not")


def _columns(inputs: Sequence[Any]) -> tuple[Column, ...]:
    """Return the columns of what the estimator is given; raise `Unconvertible` for what is no table of values."""
    import numpy
    import pandas

    tables = [isinstance(given, pandas.DataFrame) for given in inputs]
    if any(tables) and not all(tables):
        raise Unconvertible("it takes now one thing and now another")
    if tables[0]:
        return _named_columns(inputs)
    width = None
    for given in inputs:
        array = None if hasattr(given, "toarray") else numpy.asarray(given)
        if array is None or array.dtype.kind not in "biuf":
            raise Unconvertible(f"it takes {_article(given)} that is no table and no rows of numbers")
        if array.ndim != 2 or width not in (None, array.shape[1]):
            raise Unconvertible(f"it takes something of the shape {array.shape}")
        if array.dtype.kind == "f" and array.dtype != "float64":
            raise Unconvertible(f"it takes numbers of the type {array.dtype}, and a graph computes in float64")
        width = array.shape[1]
    return tuple(Column("number", place) for place in range(width or 0))


def _named_columns(inputs: Sequence[Any]) -> tuple[Column, ...]:
    names = list(inputs[0].columns)
    if any(list(given.columns) != names for given in inputs):
        raise Unconvertible("it takes now one thing and now another")
    if len({str(name) for name in names}) < len(names):
        raise Unconvertible("it takes two columns of the same name")
    found = []
    for place, name in enumerate(names):
        kinds = {_kind(given.iloc[:, place]) for given in inputs} - {None}
        if len(kinds) > 1:
            raise Unconvertible(f"it takes the column {name} now as one thing and now as another")
        found.append(Column((kinds and kinds.pop()) or "number", place, str(name)))
    return tuple(found)


def _kind(column: Any) -> str | None:
    """Return the kind of a column in a graph; None where it holds nothing."""
    from pandas.api import types

    if types.is_bool_dtype(column.dtype) or types.is_numeric_dtype(column.dtype):
        if str(column.dtype) not in ("float64", "bool", "int64", "int32", "int16", "int8", "uint8", "uint16", "uint32"):
            raise Unconvertible(f"its column {column.name} is of the type {column.dtype}")
        return None if column.isna().all() else "number"
    if isinstance(column.dtype, type(None)) or types.is_datetime64_any_dtype(column.dtype):
        raise Unconvertible(f"its column {column.name} is of the type {column.dtype}")
    values = column.to_numpy(dtype=object, na_value=float("nan")) if str(column.dtype) == "str" else column.to_numpy()
    if values.dtype != object:
        raise Unconvertible(f"its column {column.name} is of the type {column.dtype}")
    return _kind_of_objects(column.name, values)


def _kind_of_objects(name: Any, values: Any) -> str | None:
    types_ = {type(value) for value in values}
    if not types_ <= {str, bool, int, float, type(None)}:
        other = sorted(kind.__name__ for kind in types_ - {str, bool, int, float, type(None)})
        raise Unconvertible(f"its column {name} holds a value of the type {other[0]}")
    if types_ <= {float} and all(value != value for value in values):
        return None
    return "code" if types_ & {str, type(None)} else "number"


def _attributes(watched: Watched) -> dict[str, Any]:
    """Return the attributes that predicting read, and those that it often reads."""
    found = {name: _kept(name, value) for name, value in watched.read_.items()}
    for name in _COMMON:
        try:
            found.setdefault(name, _kept(name, getattr(watched.estimator_, name)))
        except (AttributeError, Unconvertible):
            continue
    return dict(sorted(found.items()))


def _kept(name: str, value: Any) -> Any:
    """Return an attribute in the form of `Source.attributes`."""
    if is_array(value):
        items = value.tolist()
        if value.dtype.kind not in "biufUO" or not _is_plain(items):
            raise Unconvertible(f"predict reads its {name}, which a graph cannot keep")
        return {"$array": [value.dtype.str, items]}
    try:
        return msgspec.json.decode(plain.encode(value, name))
    except (plain.NotPlainError, SlipwayError) as error:
        raise Unconvertible(f"predict reads its {name}, which a graph cannot keep") from error


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return type(value) in (str, bool, int) or (type(value) is float and abs(value) < float("inf"))


def _article(value: Any) -> str:
    return f"a {type(value).__module__}.{type(value).__qualname__}"
