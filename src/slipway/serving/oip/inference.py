"""The model in the terms of the Open Inference Protocol, the same for every transport.

The outputs are decided once, by the schema and the golden predictions. So the answer to a row depends on no other row
and on no transport. The target is an output of its own name, and each other key of a prediction is one too; keys of
nested dicts are joined with a point (`probability.setosa`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta

from slipway.artifacts import Loaded, PredictionError
from slipway.names import ModelId, form, nearest, spellings
from slipway.schema import Columns, Field, Kind
from slipway.serving.answers import Refusal
from slipway.serving.bundled import Identity
from slipway.serving.oip import tensors
from slipway.serving.oip.tensors import Tensor, invalid

Metadata = dict[str, Any]

_TYPES: dict[Kind, type] = {"number": float, "integer": int, "boolean": bool, "string": str}
_TYPES |= {"date": str, "datetime": str, "instant": str}
_INT64 = range(-(2**63), 2**63)
_INT64_FORM = Annotated[int, Meta(ge=_INT64[0], le=_INT64[-1])]


class Inference:
    """A model and its predictions in the terms of the protocol.

    `check_rows` raises for too many rows; `predict` returns the predictions of rows, and `tags` what a
    foreign class says about those that this thread made last.
    """

    def __init__(
        self,
        identity: Identity,
        loaded: Loaded,
        check_rows: Callable[[int], None],
        predict: Callable[[list[Any] | Columns], list[Any]],
        tags: Callable[[], Mapping[str, Any]],
    ) -> None:
        named = ModelId.parse(identity.model_id)
        self.identity = identity
        self.model, self.version = named.model, str(named.version)
        self.tags = tags
        self.schema, self.predict = loaded.schema, predict
        self._check_rows = check_rows
        self._outputs = outputs_of(loaded.schema.target, loaded.golden.predictions)
        self.outputs = [output.describe() for output in self._outputs.values()]
        inputs = [tensors.about(field) for field in loaded.schema.fields]
        extensions = ["binary_tensor_data"]
        self.server_metadata: Metadata = {"name": "slipway", "version": identity.release, "extensions": extensions}
        self.metadata: Metadata = {
            "name": self.model,
            "versions": [self.version],
            "platform": "slipway_python",
            "inputs": [tensor.metadata() for tensor in inputs],
            "outputs": [tensor.metadata() for tensor in self.outputs],
        }

    def check(self, model: str, version: str = "") -> None:
        """Raise `Refusal` (404) unless this is the model, and its version where one is named."""
        if model != self.model:
            raise Refusal(404, "no_model", f"there is no model {model[:60]!r} here; there is {self.model}")
        if version not in ("", self.version):
            message = f"{self.model} has no version {version[:60]!r} here; there is {self.version}"
            raise Refusal(404, "no_version", message)

    def infer(self, given: Sequence[Tensor], wanted: Collection[str] = ()) -> list[Tensor]:
        """Predict the rows in the tensors; return the `wanted` outputs in their order, or all.

        Raise `Refusal` when a tensor or the name of an output does not fit; the model's own errors pass through.
        """
        chosen = choose(self._outputs, wanted)
        rows = tensors.to_rows(self.schema, given, self._check_rows)
        return tensors_of(chosen, self.schema.target, self.predict(rows))


# By the form of an output: the type whose values are answered as they are.
_SURE: dict[Any, type] = {str | None: str, bool: bool, float | None: float}


class Output(NamedTuple):
    """One output: the keys under which it lies in a prediction, and the form of its values."""

    path: tuple[str, ...]
    datatype: str
    read: Callable[[Any], Any]
    """It converts a predicted value, or raises `ValueError`."""
    form: Any
    """A type that only values have which `read` takes."""
    width: int = 0
    """The length of each row's list of numbers; 0 for one value."""

    @property
    def name(self) -> str:
        """The name for callers."""
        return ".".join(self.path)

    @property
    def sure(self) -> type | None:
        """The type whose values `read` returns as they are, if there is one."""
        return _SURE.get(self.form)

    def tensor(self, rows: Sequence[dict[str, Any]]) -> Tensor:
        """Return its values in `rows`; raise `PredictionError` for one that does not fit datatype or shape."""
        values = [self._value(number, row) for number, row in enumerate(rows)]
        if self.width:
            values = [value for each in values for value in each]
        return Tensor(self.name, self.datatype, self._shape(len(rows)), values)

    def describe(self) -> Tensor:
        """Return its metadata: -1 stands for any number of rows."""
        return Tensor(self.name, self.datatype, self._shape(-1), ())

    def _shape(self, rows: int) -> tuple[int, ...]:
        return (rows, self.width) if self.width else (rows,)

    def _value(self, number: int, row: Any) -> Any:
        for key in self.path:
            row = row.get(key) if isinstance(row, dict) else None
        try:
            return self.read(row)
        except ValueError:
            form = f"{self.datatype} [rows, {self.width}]" if self.width else f"{self.datatype} [rows]"
            problem = f"row {number}: predict returned {type(row).__name__} for {self.name}, which does not fit"
            raise PredictionError(f"{problem} {form}, as the golden predictions have it") from None


def outputs_of(target: Field, golden: Sequence[Any]) -> dict[str, Output]:
    """Return a model's outputs by their names: those of its golden predictions, or its target where there are none."""
    own = (target.name,)
    columns = _columns((), _keyed(target, golden)) if golden else [(own, [])]
    found = [_output(path, values, target if path == own else None) for path, values in columns]
    return {output.name: output for output in found}


def choose(outputs: Mapping[str, Output], wanted: Collection[str]) -> list[Output]:
    """Return the `wanted` outputs in their order, or all.

    Raise `Refusal` (400) for an unknown name, and for one that is there twice.
    """
    spelt = spellings(outputs)
    wanted = [name if name in outputs else spelt.get(form(name), name) for name in wanted]
    for name in wanted:
        if name not in outputs:
            raise invalid(f"there is no output {name[:60]!r}; {nearest(name, outputs)}")
    chosen = dict.fromkeys(wanted)
    if len(chosen) < len(wanted):
        twice = next(name for name in chosen if list(wanted).count(name) > 1)
        raise invalid(f"output {twice!r} is asked for twice")
    return [outputs[name] for name in chosen or outputs]


def tensors_of(chosen: Sequence[Output], target: Field, predictions: Sequence[Any]) -> list[Tensor]:
    """Return the `chosen` outputs of these predictions; raise as `Output.tensor` does."""
    if [output.path for output in chosen] == [(target.name,)] and set(map(type, predictions)) == {chosen[0].sure}:
        return [chosen[0].describe()._replace(shape=(len(predictions),), values=predictions)]
    rows = _keyed(target, predictions)
    return [output.tensor(rows) for output in chosen]


def _keyed(target: Field, predictions: Sequence[Any]) -> list[dict[str, Any]]:
    return [each if isinstance(each, dict) else {target.name: each} for each in predictions]


def _columns(path: tuple[str, ...], values: list[Any]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Yield the columns below `path`: the values themselves, unless all of them are dicts or missing."""
    dicts = [each for each in values if isinstance(each, dict)]
    if not dicts or any(each is not None and not isinstance(each, dict) for each in values):
        yield path, values
        return
    for key in dict.fromkeys(key for each in dicts for key in each):
        yield from _columns((*path, key), [each.get(key) if each else None for each in values])


def _output(path: tuple[str, ...], values: list[Any], target: Field | None) -> Output:
    """Return the output at `path` by its golden `values`; `target` is its field, if any. Missing values may recur."""
    types = {type(each) for each in values if each is not None}
    missing = None in values or (target is not None and target.optional)
    if target and not types:
        types = {_TYPES.get(target.kind, dict)}
    if types == {str}:
        return Output(path, "BYTES", _exactly(str, type(None)), str | None)
    if types == {bool} and not missing:
        return Output(path, "BOOL", _exactly(bool), bool)
    if types == {int} and target and target.kind == "integer" and not missing:
        return Output(path, "INT64", _whole, _INT64_FORM)
    if types and types <= {int, float}:
        return Output(path, "FP64", _number, float | None)
    if types == {list} and not missing and (width := _width(values)):
        return Output(path, "FP64", _list_of(width), _form_of_list(width), width)
    return Output(path, "BYTES", _json, Any)


def _width(lists: list[list[Any]]) -> int:
    """Return the common length of lists of numbers; 0 for different lengths or other content."""
    alike = len({len(each) for each in lists}) == 1
    return len(lists[0]) if alike and all(type(value) in (int, float) for each in lists for value in each) else 0


def _number(value: Any) -> float | None:
    if value is not None and type(value) not in (int, float):
        raise ValueError
    return None if value is None else float(value)


def _whole(value: Any) -> int:
    if type(value) not in (int, float) or value != int(value) or int(value) not in _INT64:
        raise ValueError
    return int(value)


def _exactly(*types: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) not in types:
            raise ValueError
        return value

    return read


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _form_of_list(width: int) -> Any:
    return Annotated[list[float | None], Meta(min_length=width, max_length=width)]


def _list_of(width: int) -> Callable[[Any], list[float | None]]:
    def read(value: Any) -> list[float | None]:
        if value is None:
            return [None] * width
        if type(value) is not list or len(value) != width:
            raise ValueError
        return [_number(each) for each in value]

    return read
