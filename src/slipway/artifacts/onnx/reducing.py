"""Transformers that choose columns, or project them."""

from __future__ import annotations

from typing import Any

from slipway.artifacts.onnx.builder import Builder, Column, Table, Unconvertible
from slipway.artifacts.onnx.listing import Results, listed, takes_missing


def _chosen(selector: Any, table: Table, graph: Builder) -> Results:
    places = selector.get_support(indices=True).tolist()
    if not places:
        raise Unconvertible(f"{type(selector).__name__} chooses no column")
    # One that lets missing numbers pass looks at none of them.
    table = graph.unlooked(table) if takes_missing(selector) else graph.numbers(table)
    return {"transform": graph.select(table, places)}


listed("feature_selection", "VarianceThreshold", "threshold")(_chosen)
listed("feature_selection", "SelectKBest", "k score_func")(_chosen)
listed("feature_selection", "SelectPercentile", "percentile score_func")(_chosen)
listed("feature_selection", "SelectFpr", "alpha score_func")(_chosen)
listed("feature_selection", "SelectFdr", "alpha score_func")(_chosen)
listed("feature_selection", "SelectFwe", "alpha score_func")(_chosen)
listed("feature_selection", "GenericUnivariateSelect", "mode param score_func")(_chosen)
listed("feature_selection", "SelectFromModel", "estimator threshold prefit norm_order max_features importance_getter")(
    _chosen
)


def _projected(name: str, width: int) -> Results:
    return {"transform": Table(name, tuple(Column("number") for _ in range(width)))}


@listed("decomposition", "PCA", "copy iterated_power n_components n_oversamples power_iteration_normalizer "
        "random_state svd_solver tol whiten")  # fmt: skip
def _principal(pca: Any, table: Table, graph: Builder) -> Results:
    """Project, and center after that, as scikit-learn does."""
    import numpy

    sparse = bool(table.outward)
    table = graph.numbers(table)
    if sparse and not hasattr(pca, "mean_"):
        raise Unconvertible("PCA of a sparse matrix")
    components = numpy.ascontiguousarray(pca.components_.T)
    name = graph.node("MatMul", table.name, components)
    name = graph.node("Sub", name, pca.mean_.reshape(1, -1) @ pca.components_.T)
    if pca.whiten:
        scale = numpy.sqrt(pca.explained_variance_)
        least = numpy.finfo("float64").eps
        name = graph.node("Div", name, numpy.where(scale < least, least, scale))
    return _projected(name, len(pca.components_))


@listed("decomposition", "TruncatedSVD", "algorithm n_components n_iter n_oversamples power_iteration_normalizer "
        "random_state tol")  # fmt: skip
def _truncated(svd: Any, table: Table, graph: Builder) -> Results:
    import numpy

    table = graph.numbers(table)
    name = graph.node("MatMul", table.name, numpy.ascontiguousarray(svd.components_.T))
    return _projected(name, len(svd.components_))
