"""Predictions as tensors of the Open Inference Protocol: which there are is decided once, by schema and golden.

So what a caller gets for a row depends on no other row of the request, nor on the transport. The target is an output
of its own name, and so is what else a prediction has by its key; what lies in another dict is named with a point
(`probability.setosa`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from slipway.artifacts import PredictionError
from slipway.names import nearest
from slipway.schema import Field, Kind
from slipway.serving.oip.tensors import Tensor, invalid

__all__ = ["Output", "Outputs"]

_TYPES: dict[Kind, type] = {"number": float, "integer": int, "boolean": bool, "string": str}
_INT64 = range(-(2**63), 2**63)


class _Form(NamedTuple):
    """How the values of an output read: `read` makes them of what was predicted, or raises `ValueError`."""

    datatype: str
    read: Callable[[Any], Any]
    width: int = 0
    """How many numbers each row has in a list; 0 where it has one value."""


class Output(NamedTuple):
    """One output: by which keys it lies in a prediction, and how it reads."""

    path: tuple[str, ...]
    form: _Form

    @property
    def name(self) -> str:
        """What callers name it."""
        return ".".join(self.path)

    def tensor(self, rows: Sequence[dict[str, Any]]) -> Tensor:
        """Its values in `rows`; raises `PredictionError` for one that its datatype or its shape cannot hold."""
        values = [self._value(number, row) for number, row in enumerate(rows)]
        if not self.form.width:
            return Tensor(self.name, self.form.datatype, (len(rows),), values)
        flat = [value for each in values for value in each]
        return Tensor(self.name, self.form.datatype, (len(rows), self.form.width), flat)

    def _value(self, number: int, row: Any) -> Any:
        for key in self.path:
            row = row.get(key) if isinstance(row, dict) else None
        try:
            return self.form.read(row)
        except ValueError:
            shape = f"[rows, {self.form.width}]" if self.form.width else "[rows]"
            problem = f"row {number}: predict returned {type(row).__name__} for {self.name}, which does not fit"
            raise PredictionError(
                f"{problem} {self.form.datatype} {shape}, as the golden predictions have it"
            ) from None


class Outputs:
    """All outputs of a model, by its `target` and its `golden` predictions; without any of those the target alone."""

    def __init__(self, target: Field, golden: Sequence[Any]) -> None:
        self._target = target
        columns = _columns((), self._rows(golden)) if golden else [((target.name,), [])]
        own = (target.name,)
        self._all = [Output(path, _form(values, target if path == own else None)) for path, values in columns]
        self._by_name = {output.name: output for output in self._all}
        self.described = [_about(output) for output in self._all]
        """As the protocol describes them: -1 stands for any number of rows."""

    def choose(self, wanted: Collection[str]) -> list[Output]:
        """Those that are `wanted`, in their order, or all.

        Raises `Refusal` (400) for a name that there is not, or that is there twice.
        """
        for name in wanted:
            if name not in self._by_name:
                raise invalid(f"there is no output {name[:60]!r}; {nearest(name, self._by_name)}")
        chosen = dict.fromkeys(wanted)
        if len(chosen) < len(wanted):
            twice = next(name for name in chosen if list(wanted).count(name) > 1)
            raise invalid(f"output {twice!r} is asked for twice")
        return [self._by_name[name] for name in chosen] or self._all

    def tensors(self, chosen: Sequence[Output], predictions: Sequence[Any]) -> list[Tensor]:
        """The `chosen` outputs of these predictions; raises as `Output.tensor` does."""
        rows = self._rows(predictions)
        return [output.tensor(rows) for output in chosen]

    def _rows(self, predictions: Sequence[Any]) -> list[dict[str, Any]]:
        return [each if isinstance(each, dict) else {self._target.name: each} for each in predictions]


def _about(output: Output) -> Tensor:
    shape = (-1, output.form.width) if output.form.width else (-1,)
    return Tensor(output.name, output.form.datatype, shape, ())


def _columns(path: tuple[str, ...], values: list[Any]) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """What the values have below `path`: that itself, unless all of them are dicts or missing."""
    dicts = [each for each in values if isinstance(each, dict)]
    if not dicts or any(each is not None and not isinstance(each, dict) for each in values):
        yield path, values
        return
    for key in dict.fromkeys(key for each in dicts for key in each):
        yield from _columns((*path, key), [each.get(key) if each else None for each in values])


def _form(values: list[Any], target: Field | None) -> _Form:
    """How such values read, where another may be missing as one of them is; `target` is the field that they are of."""
    types = {type(each) for each in values if each is not None}
    missing = None in values or (target is not None and target.optional)
    if target and not types:
        types = {_TYPES[target.kind]}
    if types == {str}:
        return _Form("BYTES", _text)
    if types == {bool} and not missing:
        return _Form("BOOL", _truth)
    if types == {int} and target and target.kind == "integer" and not missing:
        return _Form("INT64", _whole)
    if types and types <= {int, float}:
        return _Form("FP64", _number)
    if types == {list} and not missing and (width := _width(values)):
        return _Form("FP64", _list_of(width), width)
    return _Form("BYTES", _json)


def _width(lists: list[list[Any]]) -> int:
    """How many numbers each of the lists has; 0 where they are not alike, or hold something else."""
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


def _truth(value: Any) -> bool:
    if type(value) is not bool:
        raise ValueError
    return value


def _text(value: Any) -> str | None:
    if value is not None and type(value) is not str:
        raise ValueError
    return value


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _list_of(width: int) -> Callable[[Any], list[float | None]]:
    def read(value: Any) -> list[float | None]:
        if value is None:
            return [None] * width
        if type(value) is not list or len(value) != width:
            raise ValueError
        return [_number(each) for each in value]

    return read
