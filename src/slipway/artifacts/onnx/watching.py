"""Estimators watched while a model predicts: which methods and attributes it uses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

METHODS = ("predict", "predict_proba", "decision_function", "transform")
"""Methods that a graph may offer; each takes only the rows."""


class Watched:
    """A stand-in for `estimator` while a model predicts, which notes its use.

    `inputs_` holds the arguments of its methods and `used_` their names, `forms_` the type and the dimensions of each
    one's results, `read_` the values of other attributes, and `beyond_` in words the uses that no graph offers.
    """

    def __init__(self, estimator: Any) -> None:
        self.estimator_ = estimator
        self.inputs_: list[Any] = []
        self.used_: set[str] = set()
        self.forms_: dict[str, tuple[str, int]] = {}
        self.read_: dict[str, Any] = {}
        self.beyond_: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        value = getattr(self.estimator_, name)
        if not callable(value):
            self.read_[name] = value
            return value
        if name not in METHODS:
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
                self.forms_[name] = _form(found)
            return found

        return called


def _form(found: Any) -> tuple[str, int]:
    """Return the type of an array as numpy writes it, and the number of its dimensions; "" for anything else."""
    return (found.dtype.str, found.ndim) if is_array(found) else ("", getattr(found, "ndim", 0))


def is_array(value: Any) -> bool:
    """Tell whether a value is an array; arrays of objects count, because classes that are text may be one."""
    return type(value).__module__ == "numpy" and getattr(value, "ndim", 0) > 0
