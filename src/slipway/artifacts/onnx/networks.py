"""Neural networks of scikit-learn."""

from __future__ import annotations

from typing import Any

from slipway.artifacts.onnx.builder import Builder, Table, Unconvertible
from slipway.artifacts.onnx.decisions import above, best, both, expit, softmax
from slipway.artifacts.onnx.linear import weighed
from slipway.artifacts.onnx.listing import Output, Results, listed

_PARAMETERS = "activation alpha batch_size beta_1 beta_2 early_stopping epsilon hidden_layer_sizes learning_rate "
_PARAMETERS += "learning_rate_init loss max_fun max_iter momentum n_iter_no_change nesterovs_momentum power_t "
_PARAMETERS += "random_state shuffle solver tol validation_fraction verbose warm_start"


def _activated(graph: Builder, name: str, activation: str) -> str:
    import numpy

    if activation == "relu":
        return graph.node("Where", graph.node("Less", name, numpy.array(0.0)), numpy.array(0.0), name)
    plain = {"identity": None, "tanh": "Tanh", "exp": "Exp"}
    if activation in plain:
        operator = plain[activation]
        return graph.node(operator, name) if operator else name
    if activation == "logistic":
        return expit(graph, name)
    if activation == "softmax":
        return softmax(graph, name)
    raise Unconvertible(f"there is no conversion of a network with activation={activation!r}")


def _passed(network: Any, table: Table, graph: Builder) -> str:
    """Write the layers; return the last one's result."""
    table = graph.numbers(table)
    last = len(network.coefs_) - 1
    for place, (slopes, offset) in enumerate(zip(network.coefs_, network.intercepts_, strict=True)):
        sums = weighed(table, graph, slopes.T, offset)
        name = _activated(graph, sums, network.out_activation_ if place == last else network.activation)
        table = Table(name, tuple(table.columns[0] for _ in range(slopes.shape[1])))
    return table.name


@listed("neural_network", "MLPClassifier", _PARAMETERS)
def _classify(network: Any, table: Table, graph: Builder) -> Results:
    """Decide on probabilities, as scikit-learn does."""
    sure = _passed(network, table, graph)
    if network._label_binarizer.y_type_.startswith("multilabel"):  # noqa: SLF001 - it has no public name
        raise Unconvertible("there is no conversion of MLPClassifier with several labels for a row")
    if len(network.classes_) > 2:
        return {"predict": best(graph, sure, network.classes_), "predict_proba": Output(sure)}
    return {
        "predict": above(graph, sure, network.classes_, 0.5),
        "predict_proba": Output(both(graph, sure)),
    }


@listed("neural_network", "MLPRegressor", _PARAMETERS)
def _regress(network: Any, table: Table, graph: Builder) -> Results:
    return {"predict": Output(_passed(network, table, graph), network.n_outputs_ == 1)}
