"""Estimators watched while a model predicts: which methods and attributes it uses, and which a graph offers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from slipway.artifacts.onnx import graphs
from slipway.artifacts.onnx.graphs import Method, Source

__all__ = ["Unconvertible", "Watched", "is_array", "methods"]

_METHODS = ("predict", "predict_proba", "decision_function", "transform")
"""Methods that a graph may offer; each takes only the rows."""

_ALIKE = 1e-5
"""The largest difference with which a graph offers a method that predicting does not use."""


class Watched:
    """A stand-in for `estimator` while a model predicts, which notes its use.

    `inputs_` holds the arguments of its methods and `used_` their names, `read_` the values of other attributes, and
    `beyond_` in words the uses that no graph offers.
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator_ = estimator
        self.inputs_: list[Any] = []
        self.used_: set[str] = set()
        self.read_: dict[str, Any] = {}
        self.beyond_: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = getattr(self.estimator_, name)
        if not callable(value):
            self.read_[name] = value
            return value
        if name not in _METHODS:
            self.beyond_.add(name)
            return value
        return self._method(name, value)

    def _method(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def called(*given: Any, **more: Any) -> Any:
            found = method(*given, **more)
            if len(given) != 1 or more:
                self.beyond_.add(f"{name} with {len(given) + len(more)} arguments")
            else:
                self.inputs_.append(given[0])
                self.used_.add(name)
            return found

        return called


class Unconvertible(Exception):  # noqa: N818 - it is a verdict, and no error
    """The reason why an estimator, or one way to convert it, is out of the question."""


def methods(watched: Watched, computing: Any, source: Source) -> dict[str, Method]:
    """Return the graph's methods, found by comparing its outputs with the results of the estimator.

    Each method that predicting uses has to be there, however far off: the answers of the whole model are judged later.
    Others are there when their results are alike.
    """
    given = watched.inputs_[0]
    outputs = [each.name for each in computing.get_outputs()]
    found = {}
    for name in _METHODS:
        if not hasattr(watched.estimator_, name):
            continue
        nearest = _nearest(getattr(watched.estimator_, name)(given), outputs, computing, source, given)
        if nearest is not None and (name in watched.used_ or nearest[0] < _ALIKE):
            found[name] = nearest[1]
    if lacking := sorted(watched.used_ - found.keys()):
        raise Unconvertible(f"the graph has no {', '.join(lacking)}")
    return found


def _nearest(
    expected: Any, outputs: list[str], computing: Any, source: Source, given: Any
) -> tuple[float, Method] | None:
    """Return the output nearest to a method's result, and its difference; None when none has the same shape."""
    if not is_array(expected) or expected.ndim > 2:
        return None
    best: tuple[float, Method] | None = None
    for output in outputs:
        for column in (None, -1):
            method = graphs.Method(output=output, dtype=expected.dtype.str, flat=expected.ndim == 1, column=column)
            asked = graphs.Graph(computing, msgspec.structs.replace(source, methods={"asked": method}))
            try:
                off = _off(expected, asked.asked(given))
            except (ValueError, TypeError, IndexError):
                continue
            if off is not None and (best is None or off < best[0]):
                best = off, method
    return best


def _off(expected: Any, found: Any) -> float | None:
    import numpy

    if found.shape != expected.shape:
        return None
    if expected.dtype.kind not in "fc":
        return float(numpy.mean(found != expected))
    return float(numpy.max(numpy.abs(found - expected), initial=0.0))


def is_array(value: Any) -> bool:
    """Tell whether a value is an array; arrays of objects count, because classes that are text may be one."""
    return type(value).__module__ == "numpy" and getattr(value, "ndim", 0) > 0
