"""The form `onnx`: a converted estimator, as a graph that onnxruntime computes.

Loading and predicting run no code of an artifact: a graph names operators of onnxruntime. Libraries with more operators
are never registered, so that onnxruntime refuses a graph that names one.

A graph takes one matrix of float64 and gives numbers, and for each row which reasons there are to refuse it.
Texts become codes, and numbers of classes become labels, in Python, by what `Source` says.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from slipway.artifacts.onnx.earlier import KEY as EARLIER
from slipway.artifacts.onnx.earlier import EarlierGraph
from slipway.artifacts.onnx.earlier import Source as EarlierSource
from slipway.artifacts.onnx.estimator import GraphEstimator, column_of, restored
from slipway.artifacts.onnx.foreign import ForeignGraph
from slipway.artifacts.onnx.sessions import session
from slipway.artifacts.refusals import Refusal
from slipway.errors import SlipwayError
from slipway.schema import Columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEY = "slipway.graph"
"""The key in the graph's metadata under which `Source` stands, as JSON."""

ROWS = "rows"
"""The name of the graph's input."""

UNSEEN, NONE, MISSING = -1.0, -2.0, -3.0
"""The codes of a value that is not in the vocabulary, of None, and of NaN."""


class Method(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A method of the estimator: an output of the graph, and the form in which scikit-learn returns it."""

    output: str
    flat: bool = False
    """True when each row has one value, not a list of values."""
    labels: Any = None
    """The labels that the output counts, as `{"$array": [type, values]}`; None for an output of numbers."""


class Reason(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A reason to refuse a row."""

    text: str
    column: int | None = None
    """The column of the input, from 0; None where several decide."""


class Source(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The estimator that a graph is made of."""

    type: str
    scikit_learn: str
    width: int
    columns: tuple[str, ...] | None = None
    """The names of the columns that it takes; None for rows of `width` numbers."""
    coded: tuple[int, ...] = ()
    """The columns, from 0, whose values become codes."""
    vocabulary: list[Any] = []
    """The values by their codes."""
    refused: str = ""
    """The output that tells of each row which reasons hold; empty when no row is refused."""
    reasons: list[Reason] = []
    most_rows: int | None = None
    """The most rows to compute at once; None for any number."""
    methods: dict[str, Method]
    attributes: dict[str, Any]
    """As `slipway.artifacts.values` writes them; an array is `{"$array": [type, values]}`."""


class Graph(GraphEstimator):
    """A converted estimator with the methods and attributes that predicting needs; their types are those of before.

    A method takes rows of numbers (shape `(n, width)`), or a table of named columns: a DataFrame, `Columns`, a dict of
    columns, or dicts by name. It raises `Refusal` for a row that scikit-learn refuses, and `ValueError` for another
    shape.
    """

    def __init__(self, computing: Any, source: Source) -> None:
        super().__init__(computing, source)
        self._codes = {value: float(code) for code, value in enumerate(source.vocabulary)}
        for name, method in source.methods.items():
            labels = None if method.labels is None else restored(method.labels)
            setattr(self, name, partial(self._call, method.output, method.flat, labels))

    def _call(self, output: str, flat: bool, labels: Any, values: Any) -> Any:
        rows = self._matrix(values) if self._source.columns is None else self._table(values)
        most = self._source.most_rows
        if most is None or len(rows) <= most:
            found = self._computed(output, rows, 0)
        else:
            import numpy

            starts = range(0, len(rows), most)
            found = numpy.concatenate([self._computed(output, rows[at : at + most], at) for at in starts])
        if flat and found.ndim > 1:
            found = found.reshape(-1)
        return found if labels is None else labels[found]

    def _computed(self, output: str, rows: NDArray[Any], first: int) -> Any:
        """Return an output for rows, the first of which has a number; raise `Refusal` for one that is refused."""
        marks = self._source.refused
        if not marks:
            (found,) = self._session.run([output], {ROWS: rows})
            return found
        found, refused = self._session.run([output, marks], {ROWS: rows})
        if b"\1" in refused.tobytes():  # for a few rows several times as fast as numpy's any
            raise self._refusal(refused, first)
        return found

    def _refusal(self, refused: Any, first: int) -> Refusal:
        row, place = divmod(int(refused.argmax()), refused.shape[1])
        reason = self._source.reasons[place]
        names, column = self._source.columns, reason.column
        named = names[column] if names is not None and column is not None else column
        return Refusal(reason.text, row=first + row, column=named)

    def _matrix(self, values: Any) -> NDArray[Any]:
        import numpy

        found = numpy.asarray(values, dtype="float64")
        if found.ndim != 2 or found.shape[1] != self._source.width:
            raise ValueError(f"rows of {self._source.width} numbers are needed; the shape is {found.shape}")
        return numpy.ascontiguousarray(found)

    def _table(self, table: Any) -> NDArray[Any]:
        import numpy

        names = self._source.columns or ()
        if isinstance(table, Columns) and not self._source.coded and table.has_numbers(names):
            return table.matrix(names)
        columns = [column_of(table, name) for name in names]
        for place in self._source.coded:
            columns[place] = self._coded(columns[place], place)
        found = numpy.empty((len(columns[0]), len(columns)))
        for place, column in enumerate(columns):
            try:
                found[:, place] = column
            except (TypeError, ValueError) as error:
                raise Refusal("is no number", column=names[place]) from error
        return found

    def _coded(self, column: Any, place: int) -> list[float]:
        """Return the codes of values."""
        codes = self._codes
        try:
            found = [codes.get(value, UNSEEN) for value in column]
        except TypeError as error:
            raise Refusal("is neither text nor number", column=(self._source.columns or ())[place]) from error
        if UNSEEN in found:
            pairs = zip(found, column, strict=True)
            found = [code if code != UNSEEN else _missing(value) for code, value in pairs]
        return found


def _missing(value: Any) -> float:
    """Return the code of a value that is not in the vocabulary."""
    if value is None:
        return NONE
    return MISSING if isinstance(value, float) and value != value else UNSEEN


def decode(content: bytes, name: str, *, foreign: bool = False) -> Graph | EarlierGraph | ForeignGraph:
    """Return the graph in a part's file; raise `SlipwayError` naming it when onnxruntime cannot load it.

    A `foreign` one was made elsewhere.
    """
    try:
        return ForeignGraph(content, keep=False) if foreign else load(session(content))
    except ModuleNotFoundError:
        raise
    except Exception as error:
        raise SlipwayError(
            f"{name} cannot be loaded: {type(error).__name__}: {error}",
            fix="fetch it again; if that does not help, install what its requirements.lock says, or train again",
        ) from error


def load(computing: Any) -> Graph | EarlierGraph:
    """Return the graph of a session; raise `ValueError` when it does not name its source."""
    told = computing.get_modelmeta().custom_metadata_map
    if KEY in told:
        return Graph(computing, msgspec.json.decode(told[KEY], type=Source))
    if EARLIER in told:
        return EarlierGraph(computing, msgspec.json.decode(told[EARLIER], type=EarlierSource))
    raise ValueError("it does not say what it was made of")
