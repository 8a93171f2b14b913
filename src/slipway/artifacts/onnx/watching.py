"""What predicting does with an estimator: the methods that it calls, what they get, and the attributes it reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["METHODS", "Watched"]

METHODS = ("predict", "predict_proba", "decision_function", "transform")
"""What a converted estimator may offer; each takes the rows and nothing else."""


class Watched:
    """Stands for `estimator` while a model predicts, and keeps what it is asked.

    `inputs_` holds what its methods were given and could take, `used_` their names, `read_` the other attributes with
    their values, and `beyond_` in words what no converted estimator could do.
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
            return found

        return called
