"""The form `onnx`: a converted estimator, as a graph that onnxruntime computes.

Loading and predicting run no code that an artifact brings along: a graph names operators, all of them onnxruntime's
own. Libraries of further operators are never registered, so that a graph which names one is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from slipway.artifacts import values as plain
from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ABOUT", "About", "Graph", "Method", "decode", "load", "session"]

ABOUT = "slipway"
"""The key in the graph's metadata under which `About` stands, as JSON."""

_NOTHING = 4  # to log: what goes wrong is raised
_TYPES = {"tensor(double)": "float64", "tensor(float)": "float32", "tensor(int64)": "int64"}


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """Where a method's result is among the graph's outputs, and as what scikit-learn gives it."""

    output: str
    dtype: str
    """As numpy writes it: `<U10`."""
    flat: bool
    """One value for each row, and no list of them."""
    column: int | None = None
    """Of an output with several values for each row, the one that counts."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the estimator that a graph was made of."""

    type: str
    columns: tuple[str, ...] | None
    """The names of the columns that it takes; None when it takes rows of `width` numbers."""
    width: int
    merged: bool = False
    """Whether the columns, in their order, are the graph's rows of numbers."""
    gaps: tuple[int, ...]
    """The columns, counted from 0, in which a number may be missing."""
    methods: dict[str, Method]
    attributes: dict[str, Any]
    """As `slipway.artifacts.values` writes them; an array is `{"$array": [type, values]}`."""


class Graph:
    """A converted estimator: the methods and attributes that predicting needs, with the types that it had before.

    A method takes what the estimator took: rows of numbers (shape `(n, width)`), or a table of named columns: a
    DataFrame, a dict of columns, or dicts by name. Raises `ValueError` for another shape, and for a number that is
    missing where that was never learned.
    """

    def __init__(self, computing: Any, about: About) -> None:
        self._session = computing
        self._about = about
        self._inputs = [(each.name, _TYPES.get(each.type)) for each in computing.get_inputs()]
        for name, value in about.attributes.items():
            setattr(self, name, _value(value))
        for name, method in about.methods.items():
            setattr(self, name, partial(self._call, method))

    @property
    def takes_columns(self) -> bool:
        """Whether it takes a table of named columns."""
        return self._about.columns is not None

    def __getattr__(self, name: str) -> Any:
        kept = sorted([*self._about.methods, *self._about.attributes])
        raise AttributeError(f"{self._about.type} was converted, with {', '.join(kept)}, and without {name!r}")

    def _call(self, method: Method, values: Any) -> NDArray[Any]:
        columns = self._about.columns
        if columns is not None and self._about.merged:
            values = _side_by_side([_column(values, name) for name in columns])
            columns = None
        fed = self._matrix(values) if columns is None else self._named(values)
        (found,) = self._session.run([method.output], fed)
        return shaped(found, method)

    def _matrix(self, values: Any) -> dict[str, Any]:
        import numpy

        ((name, dtype),) = self._inputs
        found = numpy.asarray(values, dtype="float64")
        if found.ndim != 2 or found.shape[1] != self._about.width:
            raise ValueError(f"rows of {self._about.width} numbers are needed; the shape is {found.shape}")
        missing = numpy.isnan(found)
        if missing.any():
            self._check(missing.any(axis=0).nonzero()[0].tolist())
        return {name: found.astype(dtype, copy=False)}

    def _named(self, table: Any) -> dict[str, Any]:
        import numpy

        fed = {}
        for at, (name, dtype) in enumerate(self._inputs):
            column = _column(table, name)
            if dtype is None:
                found = numpy.asarray(column, dtype=object)
                if not all(type(value) is str for value in found):
                    raise ValueError(f"a text is missing in {name}")
            else:
                found = numpy.asarray(column, dtype="float64")
                if numpy.isnan(found).any():
                    self._check([at])
                found = found.astype(dtype, copy=False)
            fed[name] = found.reshape(-1, 1)
        return fed

    def _check(self, missing: Sequence[int]) -> None:
        if unknown := sorted(set(missing) - set(self._about.gaps)):
            raise ValueError(f"a number is missing in column {unknown[0]}, where none ever was")


def decode(content: bytes, name: str) -> Graph:
    """The graph in a part's file; raises `SlipwayError` naming it when onnxruntime cannot compute it here."""
    try:
        computing = session(content)
        return load(computing)
    except ModuleNotFoundError:
        raise
    except Exception as error:
        raise SlipwayError(
            f"{name} cannot be loaded: {type(error).__name__}: {error}",
            fix="fetch it again; if that does not help, install what its requirements.lock says, or train again",
        ) from error


def load(computing: Any) -> Graph:
    """The graph of a session; raises `ValueError` when it does not say of what it was made."""
    told = computing.get_modelmeta().custom_metadata_map.get(ABOUT)
    if told is None:
        raise ValueError("it does not say what it was made of")
    return Graph(computing, msgspec.json.decode(told, type=About))


def session(content: bytes) -> Any:
    """An onnxruntime session for a graph: one thread, the caller's, for one request is one thread's work."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _NOTHING
    # Without it a graph computes a row as fast, is loaded in half the time, and is what was compared.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.enable_cpu_mem_arena = False
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.add_session_config_entry("session.inter_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def shaped(found: Any, method: Method) -> NDArray[Any]:
    """What the graph gave, as scikit-learn gives it."""
    import numpy

    array = numpy.asarray(found)
    if method.column is not None:
        array = array[:, method.column]
    if method.flat and array.ndim > 1:
        array = array.reshape(-1)
    return array.astype(method.dtype, copy=False)


def _side_by_side(columns: list[Any]) -> NDArray[Any]:
    import numpy

    return numpy.array(columns, dtype="float64").T


def _column(table: Any, name: str) -> Any:
    if isinstance(table, Mapping):
        return table[name]
    if isinstance(table, Sequence):
        return [row[name] for row in table]
    return table[name].to_numpy()


def _value(value: Any) -> Any:
    if isinstance(value, dict) and "$array" in value:
        import numpy

        dtype, values = value["$array"]
        return numpy.array(values, dtype=dtype)
    return plain.decode(msgspec.json.encode(value))
