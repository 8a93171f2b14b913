"""Linear and quadratic discriminant analysis."""

from __future__ import annotations

from typing import Any

from slipway.artifacts.onnx.builder import Builder, Column, Table
from slipway.artifacts.onnx.decisions import best, both, by_scores, exp_normalized, expit, softmax, span
from slipway.artifacts.onnx.linear import weighed
from slipway.artifacts.onnx.listing import Output, Results, listed


@listed("discriminant_analysis", "LinearDiscriminantAnalysis", "covariance_estimator n_components priors shrinkage "
        "solver store_covariance tol")  # fmt: skip
def _linear(estimator: Any, table: Table, graph: Builder) -> Results:
    import numpy

    table = graph.numbers(table)
    found = by_scores(graph, weighed(table, graph, estimator.coef_, estimator.intercept_), estimator.classes_)
    scores = found["decision_function"].name
    two = len(estimator.classes_) == 2
    found["predict_proba"] = Output(both(graph, expit(graph, scores)) if two else softmax(graph, scores))
    if estimator.solver != "lsqr":
        given = graph.node("Sub", table.name, estimator.xbar_) if estimator.solver == "svd" else table.name
        ways = numpy.ascontiguousarray(estimator.scalings_[:, : estimator._max_components])  # noqa: SLF001 - no public name
        columns = tuple(Column("number") for _ in range(ways.shape[1]))
        found["transform"] = Table(graph.node("MatMul", given, ways), columns)
    return found


@listed("discriminant_analysis", "QuadraticDiscriminantAnalysis", "covariance_estimator priors reg_param shrinkage "
        "solver store_covariance tol")  # fmt: skip
def _quadratic(estimator: Any, table: Table, graph: Builder) -> Results:
    import numpy

    table = graph.numbers(table)
    norms = []
    for mean, turned, scale in zip(estimator.means_, estimator.rotations_, estimator.scalings_, strict=True):
        away = graph.node("Sub", table.name, mean)
        there = graph.node("MatMul", away, numpy.ascontiguousarray(turned * (scale ** (-0.5))))
        norms.append(graph.reduce("ReduceSum", graph.node("Mul", there, there)))
    sizes = numpy.array([numpy.sum(numpy.log(scale)) for scale in estimator.scalings_])
    away = graph.node("Add", graph.node("Concat", *norms, axis=1), sizes)
    scores = graph.node("Add", graph.node("Mul", numpy.array(-0.5), away), numpy.log(estimator.priors_))
    found: Results = {
        "predict": best(graph, scores, estimator.classes_),
        "predict_proba": Output(exp_normalized(graph, scores)),
        "decision_function": Output(scores),
    }
    if len(estimator.classes_) == 2:
        second, first = span(graph, scores, 1, 2), span(graph, scores, 0, 1)
        found["decision_function"] = Output(graph.node("Sub", second, first), True)
    return found
