"""Estimators that hold others: one after the other, side by side, or the best of a search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from slipway.artifacts.onnx.builder import Builder, Table, Unconvertible
from slipway.artifacts.onnx.decisions import flat
from slipway.artifacts.onnx.listing import Output, Results, listed, result, transform, write


def _is_step(step: Any) -> bool:
    return step is not None and not isinstance(step, str)


@listed("pipeline", "Pipeline", "memory steps transform_input verbose",
        members=lambda pipeline: [step for _, step in pipeline.steps if _is_step(step)])  # fmt: skip
def _pipeline(pipeline: Any, table: Table, graph: Builder) -> Results:
    *steps, (_, last) = pipeline.steps
    for _, step in steps:
        table = transform(step, table, graph)
    return write(last, table, graph) if _is_step(last) else {"transform": table}


def _weighed(graph: Builder, table: Table, weight: float | None) -> Table:
    import numpy

    if weight is None:
        return table
    return graph.unlooked(table)._replace(name=graph.node("Mul", table.name, numpy.array(float(weight))))


def _united(union: Any) -> list[Any]:
    return [step for _, step in union.transformer_list if _is_step(step)]


@listed("pipeline", "FeatureUnion", "n_jobs transformer_list transformer_weights verbose verbose_feature_names_out",
        members=_united)  # fmt: skip
def _union(union: Any, table: Table, graph: Builder) -> Results:
    weights = union.transformer_weights or {}
    parts = [
        _weighed(graph, transform(step, table, graph), weights.get(name))
        for name, step in union.transformer_list
        if step != "drop"
    ]
    return {"transform": graph.side_by_side(parts)}


def _chosen(transformer: Any) -> Iterator[tuple[str, Any, list[int]]]:
    """Yield the name, the fitted transformer, and the places of its columns; without those that are dropped."""
    places = transformer._transformer_to_input_indices  # noqa: SLF001 - it has no public name
    for name, step, _ in transformer.transformers_:
        if isinstance(step, str) and step == "drop":
            continue
        if columns := [int(place) for place in places[name]]:
            yield name, step, columns


@listed("compose", "ColumnTransformer", "force_int_remainder_cols n_jobs remainder sparse_threshold "
        "transformer_weights transformers verbose verbose_feature_names_out",
        members=lambda transformer: [step for _, step, _ in _chosen(transformer) if _is_step(step)])  # fmt: skip
def _columns(transformer: Any, table: Table, graph: Builder) -> Results:
    weights = transformer.transformer_weights or {}
    table = _in_order(transformer, table, graph)
    parts = []
    for name, step, places in _chosen(transformer):
        part = graph.select(table, places)
        if _is_step(step):
            part = transform(step, part, graph)
        parts.append(_weighed(graph, part, weights.get(name)))
    sparse = "its transform gives a sparse matrix" if transformer.sparse_output_ else ""
    return {"transform": graph.side_by_side(parts)._replace(outward=sparse)}


def _in_order(transformer: Any, table: Table, graph: Builder) -> Table:
    """Return the columns in the order of fitting, by their names where both have them."""
    learned = getattr(transformer, "feature_names_in_", None)
    names = [column.name for column in table.columns]
    if learned is None or None in names or list(learned) == names:
        if table.width != transformer.n_features_in_:
            raise Unconvertible("ColumnTransformer takes other columns than it was fitted on")
        return table
    if missing := sorted(set(learned) - set(names)):
        raise Unconvertible(f"ColumnTransformer takes the column {missing[0]}, which it is not given")
    return graph.select(table, [names.index(name) for name in learned])


_SEARCH = "cv error_score estimator n_jobs pre_dispatch refit return_train_score scoring verbose random_state"


def _search(search: Any, table: Table, graph: Builder) -> Results:
    return write(search.best_estimator_, table, graph)


def _found(search: Any) -> Sequence[Any]:
    return [search.best_estimator_]


listed("model_selection", "GridSearchCV", f"{_SEARCH} param_grid", members=_found)(_search)
listed("model_selection", "RandomizedSearchCV", f"{_SEARCH} param_distributions n_iter", members=_found)(_search)
_HALVING = f"{_SEARCH} aggressive_elimination factor max_resources min_resources resource"
listed("model_selection", "HalvingGridSearchCV", f"{_HALVING} param_grid", members=_found)(_search)
listed("model_selection", "HalvingRandomSearchCV", f"{_HALVING} n_candidates param_distributions", members=_found)(
    _search
)


@listed("compose", "TransformedTargetRegressor", "check_inverse func inverse_func regressor transformer",
        members=lambda regressor: [regressor.regressor_])  # fmt: skip
def _transformed(regressor: Any, table: Table, graph: Builder) -> Results:
    found = result(regressor.regressor_, "predict", table, graph)
    name = _inverse(regressor.transformer_, flat(graph, found), graph)
    return {"predict": Output(name, regressor._training_dim == 1)}  # noqa: SLF001 - it has no public name


def _inverse(transformer: Any, name: str, graph: Builder) -> str:
    """Write the inverse of the transformer of a target."""
    kind = type(transformer).__name__
    if kind == "FunctionTransformer" and type(transformer).__module__.startswith("sklearn."):
        return _function(transformer.inverse_func, name, graph)
    if kind == "StandardScaler" and type(transformer).__module__.startswith("sklearn."):
        if transformer.with_std:
            name = graph.node("Mul", name, transformer.scale_)
        return graph.node("Add", name, transformer.mean_) if transformer.with_mean else name
    if kind == "MinMaxScaler" and type(transformer).__module__.startswith("sklearn."):
        return graph.node("Div", graph.node("Sub", name, transformer.min_), transformer.scale_)
    raise Unconvertible(f"there is no conversion of a target by {kind}")


def _function(function: Any, name: str, graph: Builder) -> str:
    import numpy

    if function is None:
        return name
    if function is numpy.exp:
        return graph.node("Exp", name)
    if function is numpy.square:
        return graph.node("Mul", name, name)
    if function is numpy.expm1:
        # Precise near 0 (Kahan): the rounding of the exponential cancels against that of its logarithm.
        grown = graph.node("Exp", name)
        ratio = graph.node(
            "Div", graph.node("Mul", graph.node("Sub", grown, numpy.array(1.0)), name), _log(graph, grown)
        )
        small = graph.node("Where", graph.node("Equal", grown, numpy.array(1.0)), name, ratio)
        far = graph.node("Greater", graph.node("Abs", name), numpy.array(1.0))
        return graph.node("Where", far, graph.node("Sub", grown, numpy.array(1.0)), small)
    raise Unconvertible(f"there is no conversion of a target by {getattr(function, '__name__', function)}")


def _log(graph: Builder, name: str) -> str:
    return graph.node("Log", name)
