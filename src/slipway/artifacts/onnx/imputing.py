"""Imputers of a constant or a learned statistic, and marks of what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slipway.artifacts.onnx.builder import Builder, Column, Table, Unconvertible
from slipway.artifacts.onnx.encoders import is_nan
from slipway.artifacts.onnx.graphs import MISSING
from slipway.artifacts.onnx.listing import Results, listed


@listed("impute", "SimpleImputer", "add_indicator copy fill_value keep_empty_features strategy",
        missing_values=lambda value: value is None or isinstance(value, (int, float, str)))  # fmt: skip
def _impute(imputer: Any, table: Table, graph: Builder) -> Results:
    """Write the statistic in place of what is missing, and marks of that where they are wanted."""
    objects = imputer._fit_dtype.kind == "O"  # noqa: SLF001 - it has no public name
    table = _checked(imputer, table, graph, objects)
    holes = _holes(graph, table, imputer.missing_values)
    statistics = list(imputer.statistics_)
    kept = [place for place, value in enumerate(statistics) if imputer.keep_empty_features or not is_nan(value)]
    if not kept:
        raise Unconvertible("SimpleImputer drops every column")
    values = [_filling(graph, table.columns[place], statistics[place]) for place in kept]
    given = graph.select(table, kept)
    filled = graph.node("Where", _some(graph, holes, kept, table.width), _row(values), given.name)
    gone = is_nan(imputer.missing_values) and not any(map(is_nan, values))
    columns = [_filled(column, gone and not objects) for column in given.columns]
    found = Table(filled, tuple(columns), table.outward)
    if not imputer.add_indicator or not len(imputer.indicator_.features_):
        return {"transform": found}
    features = imputer.indicator_.features_.tolist()
    marks = graph.number(_some(graph, holes, features, table.width))
    marked = Table(marks, tuple(Column("finite", table.columns[place].origin) for place in features))
    return {"transform": graph.side_by_side([found, marked])}


@listed("impute", "MissingIndicator", "error_on_new features", sparse=("auto", False),
        missing_values=lambda value: value is None or isinstance(value, (int, float, str)))  # fmt: skip
def _mark(indicator: Any, table: Table, graph: Builder) -> Results:
    table = _checked(indicator, table, graph, objects="code" in {column.kind for column in table.columns})
    holes = _holes(graph, table, indicator.missing_values)
    features = indicator.features_.tolist()
    if not features:
        raise Unconvertible("MissingIndicator marks no column")
    others = [place for place in range(table.width) if place not in features]
    if indicator.features == "missing-only" and indicator.error_on_new and others:
        columns = [table.columns[place] for place in others]
        graph.refuse(_some(graph, holes, others, table.width), columns, "is missing, where none ever was")
    marks = graph.number(_some(graph, holes, features, table.width))
    origins = tuple(Column("finite", table.columns[place].origin) for place in features)
    return {"transform": Table(marks, origins, "its transform gives truth values")}


def _checked(imputer: Any, table: Table, graph: Builder, objects: bool) -> Table:
    """Have rows refused that the imputer refuses: infinity in numbers, NaN where that is no mark of its own."""
    import numpy

    missing = imputer.missing_values
    if not objects:
        return graph.numbers(table, missing=is_nan(missing))
    if not is_nan(missing):
        codes = numpy.array([column.kind == "code" for column in table.columns])
        absent = graph.node("Equal", table.name, numpy.where(codes, MISSING, numpy.nan))
        graph.refuse(graph.node("Or", absent, graph.node("IsNaN", table.name)), table.columns, "is missing")
    return table


def _holes(graph: Builder, table: Table, missing: Any) -> str:
    """Write where the value is that stands for a missing one."""
    import numpy

    codes = numpy.array([column.kind == "code" for column in table.columns])
    number = missing if isinstance(missing, (int, float)) else numpy.nan
    wanted = numpy.where(codes, graph.code(missing) if codes.any() else 0.0, float(number))
    found = graph.node("Equal", table.name, wanted)
    if not is_nan(missing) or codes.all():
        return found
    absent = graph.node("IsNaN", table.name)
    # A code is never NaN, and no number equals it.
    return graph.node("Or", found, absent) if codes.any() else absent


def _some(graph: Builder, name: str, places: Sequence[int], width: int) -> str:
    import numpy

    if list(places) == list(range(width)):
        return name
    return graph.node("Gather", name, numpy.array(places, "int64"), axis=1)


def _filling(graph: Builder, column: Column, value: Any) -> float:
    if column.kind == "code":
        return graph.code(value)
    if isinstance(value, str) or value is None:
        raise Unconvertible(f"SimpleImputer fills numbers with {value!r}")
    return float(value)


def _filled(column: Column, gone: bool) -> Column:
    return column._replace(kind="finite") if gone and column.kind == "number" else column


def _row(values: Sequence[float]) -> Any:
    import numpy

    return numpy.array(values, "float64")
