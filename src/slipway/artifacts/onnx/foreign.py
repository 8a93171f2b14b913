"""A graph that was made elsewhere: onnxruntime computes it as it does for whoever made it.

Its file is the part itself, unchanged. What its inputs and outputs mean stands in the model's class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from slipway.artifacts.onnx.sessions import session

_TYPES = {"double": "float64", "float": "float32", "float16": "float16"}


class Tensor(NamedTuple):
    """An input or an output of a graph: the type of its elements by numpy's name, and its dimensions."""

    name: str
    type: str
    """`float32`, or the words of onnxruntime where it is no tensor: `seq(map(int64,tensor(float)))`."""
    shape: tuple[int | None, ...]
    """None for a dimension of any size."""


class ForeignGraph:
    """A graph, and the tensors that it takes and gives."""

    def __init__(self, content: bytes, *, keep: bool = True) -> None:
        """Load a graph; without `keep` it cannot be saved again. Raise what onnxruntime raises."""
        # The level of optimization that onnxruntime has by itself: what was measured elsewhere is what is served.
        self._session = session(content, optimize=True)
        self.content = content if keep else b""
        self.inputs = tuple(map(_tensor, self._session.get_inputs()))
        self.outputs = tuple(map(_tensor, self._session.get_outputs()))

    def run(self, outputs: Sequence[str], fed: Mapping[str, Any]) -> list[Any]:
        """Return these outputs for inputs by name, each with a row of values for each row; a list is of dicts."""
        flat = {each.name for each in self.inputs if len(each.shape) == 1}
        given = {name: values.reshape(-1) if name in flat else values for name, values in fed.items()}
        # A name that is asked twice is computed once, and onnxruntime refuses it.
        names = list(dict.fromkeys(outputs))
        found = dict(zip(names, self._session.run(names, given), strict=True))
        return [found[name] for name in outputs]


def _tensor(told: Any) -> Tensor:
    kind = str(told.type)
    inner = kind.removeprefix("tensor(").removesuffix(")") if kind.startswith("tensor(") else ""
    shape = tuple(size if isinstance(size, int) and size >= 0 else None for size in told.shape or ())
    return Tensor(str(told.name), _TYPES.get(inner, inner) or kind, shape)
