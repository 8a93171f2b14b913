"""From scores to labels and probabilities, in the order of operations of scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from slipway.artifacts.onnx.builder import Builder, Unconvertible
from slipway.artifacts.onnx.listing import Output, Results


def span(graph: Builder, name: str, low: int, high: int) -> str:
    """Write columns from `low` to below `high`."""
    import numpy

    return graph.node("Gather", name, numpy.arange(low, high, dtype="int64"), axis=1)


def expit(graph: Builder, name: str) -> str:
    """Write the logistic function, precise at both ends."""
    import numpy

    # The exponent is never above 0, so that nothing overflows.
    small = graph.node("Exp", graph.node("Neg", graph.node("Abs", name)))
    below = graph.node("Less", name, numpy.array(0.0))
    above = graph.node("Where", below, small, numpy.array(1.0))
    return graph.node("Div", above, graph.node("Add", numpy.array(1.0), small))


def softmax(graph: Builder, name: str) -> str:
    """Write the softmax of each row."""
    shifted = graph.node("Exp", graph.node("Sub", name, graph.reduce("ReduceMax", name)))
    return graph.node("Div", shifted, graph.reduce("ReduceSum", shifted))


def exp_normalized(graph: Builder, name: str) -> str:
    """Write the exponential of log likelihoods that sum to 1 in each row."""
    shifted = graph.node("Sub", name, graph.reduce("ReduceMax", name))
    total = graph.node("Log", graph.reduce("ReduceSum", graph.node("Exp", shifted)))
    return graph.node("Exp", graph.node("Sub", shifted, total))


def both(graph: Builder, second: str) -> str:
    """Write the probabilities of two classes from that of the second."""
    import numpy

    return graph.node("Concat", graph.node("Sub", numpy.array(1.0), second), second, axis=1)


def shares(graph: Builder, name: str) -> str:
    """Write each number as a share of its row's sum; equal shares where that is 0."""
    import numpy

    total = graph.reduce("ReduceSum", name)
    nothing = graph.node("Equal", total, numpy.array(0.0))
    counted = graph.node("Where", nothing, numpy.array(1.0), name)
    return graph.node("Div", counted, graph.reduce("ReduceSum", counted))


def best(graph: Builder, name: str, classes: Any) -> Output:
    """Write the label with the highest score, the first of equal ones."""
    return Output(graph.node("ArgMax", name, axis=1, keepdims=0), True, classes)


def above(graph: Builder, name: str, classes: Any, limit: float = 0.0, operator: str = "Greater") -> Output:
    """Write the second label where the score is above a limit."""
    import numpy

    return Output(graph.cast(graph.node(operator, name, numpy.array(limit)), "INT64"), True, classes)


def by_scores(graph: Builder, scores: str, classes: Any) -> Results:
    """Return the labels and scores of a classifier with one score for each class, or one for two classes."""
    if len(classes) == 2:
        return {"predict": above(graph, scores, classes), "decision_function": Output(scores, True)}
    if len(classes) < 2:
        raise Unconvertible("it knows a single class")
    return {"predict": best(graph, scores, classes), "decision_function": Output(scores)}


def summed(graph: Builder, names: Sequence[str]) -> str:
    """Write the sum of tensors, added one after the other."""
    total = names[0]
    for name in names[1:]:
        total = graph.node("Add", total, name)
    return total


def flat(graph: Builder, output: Output) -> str:
    """Write an output as a table of float64: a column where it has one value for each row."""
    import numpy

    name = output.name
    if output.labels is not None:
        name = graph.node("Gather", values_of(output.labels), name)
    return graph.node("Reshape", name, numpy.array([-1, 1], "int64")) if output.flat else name


def places(graph: Builder, output: Output) -> str:
    """Write the numbers of labels without a dimension of their own."""
    import numpy

    return graph.node("Reshape", output.name, numpy.array([-1], "int64"))


def values_of(labels: Any) -> Any:
    """Return labels as numbers; raise `Unconvertible` for others."""
    import numpy

    array = numpy.asarray(labels)
    if array.dtype.kind not in "biuf":
        raise Unconvertible("it hands on labels that are no numbers")
    return array.astype("float64")
