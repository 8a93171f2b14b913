"""Naive Bayes, and classifiers and regressors that look at nothing."""

from __future__ import annotations

from typing import Any

from slipway.artifacts.onnx.builder import Builder, Table, Unconvertible
from slipway.artifacts.onnx.decisions import best, exp_normalized
from slipway.artifacts.onnx.linear import weighed
from slipway.artifacts.onnx.listing import Output, Results, listed


def _likely(estimator: Any, name: str, graph: Builder) -> Results:
    """Return labels and probabilities from log likelihoods."""
    return {
        "predict": best(graph, name, estimator.classes_),
        "predict_proba": Output(exp_normalized(graph, name)),
    }


@listed("naive_bayes", "GaussianNB", "priors var_smoothing")
def _gaussian(estimator: Any, table: Table, graph: Builder) -> Results:
    """Write squared distances from the means by their variances, for each class."""
    import numpy

    table = graph.numbers(table)
    wide = graph.node("Unsqueeze", table.name, numpy.array([1], "int64"))
    away = graph.node("Sub", wide, estimator.theta_[None])
    scaled = graph.node("Div", graph.node("Mul", away, away), estimator.var_[None])
    total = graph.node("ReduceSum", scaled, numpy.array([2], "int64"), keepdims=0)
    density = -0.5 * numpy.log(2.0 * numpy.pi * estimator.var_).sum(axis=1)
    name = graph.node("Sub", density, graph.node("Mul", numpy.array(0.5), total))
    return _likely(estimator, graph.node("Add", numpy.log(estimator.class_prior_), name), graph)


_DISCRETE = "alpha class_prior fit_prior force_alpha"


@listed("naive_bayes", "MultinomialNB", _DISCRETE)
def _multinomial(estimator: Any, table: Table, graph: Builder) -> Results:
    return _likely(estimator, weighed(table, graph, estimator.feature_log_prob_, estimator.class_log_prior_), graph)


@listed("naive_bayes", "ComplementNB", f"{_DISCRETE} norm")
def _complement(estimator: Any, table: Table, graph: Builder) -> Results:
    import numpy

    if len(estimator.classes_) == 1:
        raise Unconvertible("it knows a single class")
    return _likely(estimator, weighed(table, graph, estimator.feature_log_prob_, numpy.zeros(1)), graph)


@listed("naive_bayes", "BernoulliNB", f"{_DISCRETE} binarize")
def _bernoulli(estimator: Any, table: Table, graph: Builder) -> Results:
    import numpy

    table = graph.numbers(table)
    if estimator.binarize is not None:
        above = graph.node("Greater", table.name, numpy.array(float(estimator.binarize)))
        table = table._replace(name=graph.number(above))
    absent = numpy.log(1 - numpy.exp(estimator.feature_log_prob_))
    offset = estimator.class_log_prior_ + absent.sum(axis=1)
    return _likely(estimator, weighed(table, graph, estimator.feature_log_prob_ - absent, offset), graph)


@listed("dummy", "DummyClassifier", "random_state", strategy=("most_frequent", "prior", "constant"),
        constant=lambda _: True)  # fmt: skip
def _prior(estimator: Any, table: Table, graph: Builder) -> Results:
    """Write the same for each row; a row is not looked at."""
    import numpy

    if estimator.n_outputs_ != 1:
        raise Unconvertible("there is no conversion of DummyClassifier with several labels for a row")
    classes, shares = estimator.classes_, estimator.class_prior_
    if estimator.strategy == "constant":
        mine = numpy.ravel(classes == estimator.constant)
    else:
        mine = numpy.arange(len(classes)) == shares.argmax()
    sure = shares if estimator.strategy == "prior" else mine.astype("float64")
    label = estimator.predict(numpy.zeros((1, table.width)))
    first = best(graph, graph.rows_of(table, [0.0]), label)
    return {"predict": first, "predict_proba": Output(graph.rows_of(table, sure))}


@listed("dummy", "DummyRegressor", "constant quantile strategy")
def _average(estimator: Any, table: Table, graph: Builder) -> Results:
    import numpy

    constants = numpy.ravel(estimator.constant_)
    return {"predict": Output(graph.rows_of(table, constants), len(constants) == 1)}
