"""Which of a graph's outputs is which method's result."""

from typing import TYPE_CHECKING, Any

import msgspec

from slipway.artifacts import graphs
from slipway.artifacts.watching import METHODS, Watched

if TYPE_CHECKING:
    from slipway.artifacts.graphs import About, Method

__all__ = ["Unconvertible", "is_array", "methods"]

_ALIKE = 1e-5
"""How far a method that predicting does not use may be off to be offered all the same."""


class Unconvertible(Exception):  # noqa: N818 - it is a verdict, and no error
    """Why an estimator, or one way to convert it, is out of the question."""


def methods(watched: Watched, computing: Any, about: "About") -> "dict[str, Method]":
    """The methods that the graph has, by the results of the estimator's own for what it was given.

    One that predicting uses has to be there, however far off: the whole model's answers are judged. Others are there
    when they are alike.
    """
    given = watched.inputs_[0]
    outputs = [each.name for each in computing.get_outputs()]
    found = {}
    for name in METHODS:
        if not hasattr(watched.estimator_, name):
            continue
        nearest = _nearest(getattr(watched.estimator_, name)(given), outputs, computing, about, given)
        if nearest is not None and (name in watched.used_ or nearest[0] < _ALIKE):
            found[name] = nearest[1]
    if lacking := sorted(watched.used_ - found.keys()):
        raise Unconvertible(f"the graph has no {', '.join(lacking)}")
    return found


def _nearest(
    expected: Any, outputs: list[str], computing: Any, about: "About", given: Any
) -> "tuple[float, Method] | None":
    """The output that is nearest to what a method gave, and how far off it is; None when none has its shape."""
    if not is_array(expected) or expected.ndim > 2:
        return None
    best: tuple[float, Method] | None = None
    for output in outputs:
        for column in (None, -1):
            method = graphs.Method(output=output, dtype=expected.dtype.str, flat=expected.ndim == 1, column=column)
            asked = graphs.Graph(computing, msgspec.structs.replace(about, methods={"asked": method}))
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
    """Also one of objects, as which classes that are text may stand there."""
    return type(value).__module__ == "numpy" and getattr(value, "ndim", 0) > 0
