"""Support vector machines with kernels, as libsvm computes and decides."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from slipway.artifacts.onnx.builder import Builder, Table
from slipway.artifacts.onnx.decisions import above, best
from slipway.artifacts.onnx.listing import Output, Results, listed

_PARAMETERS = "C break_ties cache_size class_weight coef0 decision_function_shape degree epsilon gamma max_iter nu "
_PARAMETERS += "probability random_state shrinking tol verbose"
_KERNELS = ("linear", "poly", "rbf", "sigmoid")


def _kernel(estimator: Any, table: Table, graph: Builder) -> str:
    """Write the kernel of each row with each support vector."""
    import numpy

    table = graph.numbers(table)
    vectors = estimator.support_vectors_
    vectors = vectors.toarray() if hasattr(vectors, "toarray") else vectors
    gamma = numpy.array(float(estimator._gamma))  # noqa: SLF001 - it has no public name
    if estimator.kernel == "rbf":
        # Squares of differences: from products, large numbers would lose them.
        graph.at_most(_NUMBERS // max(1, vectors.size))
        wide = graph.node("Unsqueeze", table.name, numpy.array([1], "int64"))
        away = graph.node("Sub", wide, vectors[None])
        far = graph.node("ReduceSum", graph.node("Mul", away, away), numpy.array([2], "int64"), keepdims=0)
        return graph.node("Exp", graph.node("Mul", far, -gamma))
    products = graph.node("MatMul", table.name, numpy.ascontiguousarray(vectors.T))
    if estimator.kernel == "linear":
        return products
    scaled = graph.node("Add", graph.node("Mul", products, gamma), numpy.array(float(estimator.coef0)))
    return graph.node("Tanh", scaled) if estimator.kernel == "sigmoid" else _power(graph, scaled, estimator.degree)


_NUMBERS = 4_000_000
"""The most numbers of differences to hold at once."""


def _power(graph: Builder, name: str, degree: int) -> str:
    """Write a power by squares."""
    import numpy

    found = graph.node("Add", graph.node("Mul", name, numpy.array(0.0)), numpy.array(1.0))
    while degree:
        if degree % 2:
            found = graph.node("Mul", found, name)
        degree //= 2
        if degree:
            name = graph.node("Mul", name, name)
    return found


@listed("svm", "SVR", _PARAMETERS, kernel=_KERNELS)
@listed("svm", "NuSVR", _PARAMETERS, kernel=_KERNELS)
def _regress(estimator: Any, table: Table, graph: Builder) -> Results:
    import numpy

    weights = _dense(estimator._dual_coef_)
    sums = graph.node("MatMul", _kernel(estimator, table, graph), numpy.ascontiguousarray(weights.T))
    return {"predict": Output(graph.node("Add", sums, estimator._intercept_), True)}


@listed("svm", "SVC", _PARAMETERS, kernel=_KERNELS)
@listed("svm", "NuSVC", _PARAMETERS, kernel=_KERNELS)
def _classify(estimator: Any, table: Table, graph: Builder) -> Results:
    """Write a score for each pair of classes, and their votes. Probabilities of libsvm are not offered."""
    import numpy

    classes = estimator.classes_
    pairs = list(combinations(range(len(classes)), 2))
    sums = graph.node("MatMul", _kernel(estimator, table, graph), _weights(estimator, pairs))
    scores = graph.node("Add", sums, estimator._intercept_)
    if len(classes) == 2:
        # The first class wins above 0; the public score has the other sign.
        negated = graph.node("Neg", scores)
        return {
            "predict": above(graph, scores, classes[::-1]),
            "decision_function": Output(negated, True),
        }
    won = graph.number(graph.node("Greater", scores, numpy.array(0.0)))
    votes = _votes(graph, won, pairs, len(classes))
    decided = scores
    if estimator.decision_function_shape == "ovr":
        lost = graph.number(graph.node("Less", scores, numpy.array(0.0)))
        decided = _sureness(graph, scores, lost, pairs, len(classes))
    label = best(graph, decided if estimator.break_ties else votes, classes)
    return {"predict": label, "decision_function": Output(decided)}


def _weights(estimator: Any, pairs: list[tuple[int, int]]) -> Any:
    """Return the weight of each support vector in the score of each pair."""
    import numpy

    dual = _dense(estimator._dual_coef_)
    starts = numpy.cumsum([0, *estimator._n_support])  # noqa: SLF001
    weights = numpy.zeros((dual.shape[1], len(pairs)))
    for place, (one, other) in enumerate(pairs):
        mine, theirs = slice(starts[one], starts[one + 1]), slice(starts[other], starts[other + 1])
        weights[mine, place] = dual[other - 1, mine]
        weights[theirs, place] = dual[one, theirs]
    return weights


def _dense(values: Any) -> Any:
    return values.toarray() if hasattr(values, "toarray") else values


def _votes(graph: Builder, won: str, pairs: list[tuple[int, int]], width: int) -> str:
    """Write the votes of each class: of a pair the first class has won, or the second has."""
    import numpy

    first = numpy.zeros((len(pairs), width))
    second = numpy.zeros((len(pairs), width))
    for place, (one, other) in enumerate(pairs):
        first[place, one] = second[place, other] = 1.0
    return graph.node("Add", graph.node("MatMul", won, first - second), second.sum(axis=0))


def _sureness(graph: Builder, scores: str, lost: str, pairs: list[tuple[int, int]], width: int) -> str:
    """Write votes, and how sure they are as a fraction, as `decision_function_shape="ovr"` has it."""
    import numpy

    signs = numpy.zeros((len(pairs), width))
    for place, (one, other) in enumerate(pairs):
        signs[place, one], signs[place, other] = 1.0, -1.0
    total = graph.node("MatMul", scores, signs)
    scale = graph.node("Mul", graph.node("Add", graph.node("Abs", total), numpy.array(1.0)), numpy.array(3.0))
    kept = graph.node("Sub", numpy.array(1.0), lost)
    return graph.node("Add", _votes(graph, kept, pairs, width), graph.node("Div", total, scale))
