"""Transformers that compute each number from its row: scales, norms, thresholds, products."""

from __future__ import annotations

from itertools import chain
from itertools import combinations as without_repeats
from itertools import combinations_with_replacement as with_repeats
from typing import Any

from slipway.artifacts.onnx.builder import Builder, Column, Table, Unconvertible
from slipway.artifacts.onnx.listing import Results, listed


def made(table: Table, name: str, kind: str = "number") -> Table:
    """Return the table that a tensor is, each of whose columns comes from the same column of `table`."""
    return Table(name, tuple(column._replace(kind=kind) for column in table.columns), table.outward)


def clipped(graph: Builder, name: str, low: float, high: float) -> str:
    """Write numbers within limits; NaN stays."""
    import numpy

    raised = graph.node("Where", graph.node("Less", name, numpy.array(low)), numpy.array(low), name)
    return graph.node("Where", graph.node("Greater", raised, numpy.array(high)), numpy.array(high), raised)


def _divided(graph: Builder, table: Table, name: str, scale: Any) -> str:
    """Write a division, which scikit-learn turns into a product for sparse tables."""
    return graph.node("Mul", name, 1 / scale) if table.outward else graph.node("Div", name, scale)


@listed("preprocessing", "StandardScaler", "copy with_mean with_std")
def _standard(scaler: Any, table: Table, graph: Builder) -> Results:
    table = graph.numbers(table, missing=True)
    name = graph.node("Sub", table.name, scaler.mean_) if scaler.with_mean else table.name
    if scaler.scale_ is not None:
        name = _divided(graph, table, name, scaler.scale_)
    return {"transform": made(table, name)}


@listed("preprocessing", "RobustScaler", "copy quantile_range unit_variance with_centering with_scaling")
def _robust(scaler: Any, table: Table, graph: Builder) -> Results:
    table = graph.numbers(table, missing=True)
    name = graph.node("Sub", table.name, scaler.center_) if scaler.with_centering else table.name
    if scaler.with_scaling:
        name = _divided(graph, table, name, scaler.scale_)
    return {"transform": made(table, name)}


@listed("preprocessing", "MinMaxScaler", "clip copy feature_range")
def _min_max(scaler: Any, table: Table, graph: Builder) -> Results:
    table = graph.numbers(table, missing=True)
    name = graph.node("Add", graph.node("Mul", table.name, scaler.scale_), scaler.min_)
    return {"transform": made(table, clipped(graph, name, *map(float, scaler.feature_range)) if scaler.clip else name)}


@listed("preprocessing", "MaxAbsScaler", "clip copy")
def _max_abs(scaler: Any, table: Table, graph: Builder) -> Results:
    table = graph.numbers(table, missing=True)
    name = _divided(graph, table, table.name, scaler.scale_)
    return {"transform": made(table, clipped(graph, name, -1.0, 1.0) if getattr(scaler, "clip", False) else name)}


@listed("preprocessing", "Normalizer", "copy norm")
def _normalize(normalizer: Any, table: Table, graph: Builder) -> Results:
    import numpy

    table = graph.numbers(table)
    if normalizer.norm == "l2":
        norms = graph.node("Sqrt", graph.reduce("ReduceSum", graph.node("Mul", table.name, table.name)))
    else:
        whole = "ReduceSum" if normalizer.norm == "l1" else "ReduceMax"
        norms = graph.reduce(whole, graph.node("Abs", table.name))
    # scikit-learn takes a norm as small as this for 0, and a row of zeros stays what it is.
    least = 0.0 if table.outward else 10 * numpy.finfo("float64").eps
    tiny = graph.node("LessOrEqual" if table.outward else "Less", norms, numpy.array(least))
    norms = graph.node("Where", tiny, numpy.array(1.0), norms)
    return {"transform": made(table, graph.node("Div", table.name, norms))}


@listed("preprocessing", "Binarizer", "copy threshold")
def _binarize(binarizer: Any, table: Table, graph: Builder) -> Results:
    import numpy

    table = graph.numbers(table)
    above = graph.node("Greater", table.name, numpy.array(float(binarizer.threshold)))
    return {"transform": made(table, graph.number(above), "finite")}


@listed("preprocessing", "FunctionTransformer", "accept_sparse check_inverse feature_names_out", func=(None,),
        inverse_func=lambda _: True, kw_args=(None, {}), inv_kw_args=lambda _: True, validate=(False,))  # fmt: skip
def _unchanged(_: Any, table: Table, __: Builder) -> Results:
    return {"transform": table}


@listed("preprocessing", "PolynomialFeatures", "degree include_bias interaction_only order")
def _products(features: Any, table: Table, graph: Builder) -> Results:
    """Write the products in the order in which scikit-learn multiplies: the last factor first."""
    import numpy

    table = graph.numbers(table)
    lowest, highest = features._min_degree, features._max_degree  # noqa: SLF001 - it has no public name
    chosen = without_repeats if features.interaction_only else with_repeats
    found: list[Table] = []
    if features.include_bias:
        found.append(Table(graph.rows_of(table, [1.0]), (Column("finite"),), table.outward))
    before: dict[tuple[int, ...], int] = {(place,): place for place in range(table.width)}
    name = table.name
    for degree in range(1, highest + 1):
        factors = list(chosen(range(table.width), degree))
        if not factors:
            break
        if degree > 1:
            rest = numpy.array([before[each[1:]] for each in factors], "int64")
            first = numpy.array([each[0] for each in factors], "int64")
            one, other = graph.node("Gather", name, rest, axis=1), graph.node("Gather", table.name, first, axis=1)
            name = graph.node("Mul", one, other)
            before = {each: place for place, each in enumerate(factors)}
        if degree >= lowest:
            found.append(Table(name, tuple(Column("number") for _ in factors), table.outward))
    whole = graph.side_by_side(found)
    if whole.width != features.n_output_features_:
        raise Unconvertible("PolynomialFeatures has other products than expected")
    return {"transform": whole}


@listed("preprocessing", "KBinsDiscretizer", "n_bins strategy subsample random_state quantile_method encode",
        dtype=lambda kind: kind is None or kind == "float64" or getattr(kind, "__name__", "") == "float64")  # fmt: skip
def _bins(bins: Any, table: Table, graph: Builder) -> Results:
    """Write the number of inner edges that each value reaches, or a column for each bin."""
    import numpy

    table = graph.numbers(table)
    edges = [numpy.asarray(each[1:-1], "float64") for each in bins.bin_edges_]
    if bins.encode == "ordinal":
        counts = [_reached(graph, graph.select(table, [place]), each) for place, each in enumerate(edges)]
        return {"transform": graph.side_by_side(counts)}
    # A bin holds what reaches its lower edge and does not reach its upper one.
    low = numpy.array(list(chain.from_iterable([-numpy.inf, *each] for each in edges)))
    high = numpy.array(list(chain.from_iterable([*each, numpy.inf] for each in edges)))
    places = [place for place, each in enumerate(edges) for _ in range(len(each) + 1)]
    wide = graph.node("Gather", table.name, numpy.array(places, "int64"), axis=1)
    inside = graph.node("And", graph.node("GreaterOrEqual", wide, low), graph.node("Less", wide, high))
    outward = "its transform gives a sparse matrix" if bins.encode == "onehot" else ""
    columns = tuple(Column("finite", table.columns[place].origin) for place in places)
    return {"transform": Table(graph.number(inside), columns, outward)}


def _reached(graph: Builder, table: Table, edges: Any) -> Table:
    import numpy

    if not len(edges):
        return made(table, graph.node("Mul", table.name, numpy.zeros(1)), "finite")
    reached = graph.number(graph.node("GreaterOrEqual", table.name, edges))
    return made(table, graph.reduce("ReduceSum", reached), "finite")
