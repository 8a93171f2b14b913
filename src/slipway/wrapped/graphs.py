"""An ONNX graph that was made elsewhere, as a `Model`: rows become its tensors, and its tensors become predictions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import starmap
from typing import TYPE_CHECKING, Any, ClassVar

from slipway.model import PREDICTION, ContractError, FittedModel, InputError
from slipway.schema import Field, Kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LARGEST = {"float16": 65504.0, "float32": 3.4028234663852886e38}
# From there on, the type does not hold each whole number.
_EXACT = {"float16": 2**11, "float32": 2**24, "float64": 2**53}
_BITS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}

TYPES = ("float32", "float64", "float16", *_BITS, "uint8", "uint16", "uint32", "uint64", "bool", "string")
"""The types of elements that inputs of a graph may have, by numpy's names."""

PROBABILITIES = "probabilities"


class GraphModel(FittedModel):
    """A model whose predictions are those of an ONNX graph, as `slipway import` writes it: nothing is fitted.

    All rows of the data evaluate it. Several `outputs` make each prediction a dict by their names.
    """

    estimator = "graph.onnx"
    waits = False
    # A float has seven digits, and CPUs sum in different orders.
    tolerance = 1e-5

    inputs: ClassVar[Mapping[str, tuple[str, Sequence[str]]]] = {}
    """The type of each input of the graph, and the columns that it takes, in their order."""

    outputs: ClassVar[Mapping[str, str | tuple[str, int]]] = {}
    """The graph's output for each name in a prediction; `("scores", 1)` is the second value in a row of an output."""

    classes: ClassVar[Mapping[str, Sequence[Any]]] = {}
    """The labels that a target may have; a target that is not named here is a number, or any text."""

    texts: ClassVar[Sequence[str]] = ()
    """The targets that are any text."""

    optional: ClassVar[Sequence[str]] = ()
    """The columns in which a number may be missing; the graph gets NaN."""

    rounded: ClassVar[Sequence[str]] = ()
    """The columns with whole numbers that the graph's type may round. In others, one that it would round is refused."""

    one_by_one: ClassVar[bool] = False
    """True if the graph takes one row at a time."""

    def __init_subclass__(cls) -> None:
        """Take the columns, their types and the target's from the declarations."""
        super().__init_subclass__()
        cls.source_features = [name for _, names in cls.inputs.values() for name in names]
        where = cls.__name__
        cls._declared_fields = tuple(
            cls._field(name, kind, f"{where}.inputs") for kind, names in cls.inputs.values() for name in names
        )
        for what, named in (("optional", cls.optional), ("rounded", cls.rounded)):
            if unknown := sorted(set(named) - set(cls.source_features)):
                raise ContractError(f"{where}.{what} names {unknown[0]!r}, which no input takes")
        cls._declared_output = cls._target()

    def predict(self, rows: Sequence[Any]) -> Sequence[Any]:
        """See `Model.predict`; raise `InputError` for a row with a value that the graph cannot be given as it is."""
        rows = rows.to_dict("records") if hasattr(rows, "to_dict") else rows
        if not self.one_by_one:
            return self._answers(rows)
        found = []
        for at, row in enumerate(rows):
            try:
                found += self._answers([row])
            except InputError as error:
                raise InputError(str(error), row=at, field=error.field) from error
        return found

    def _answers(self, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        if not len(rows):
            return []
        fed = {name: self._tensor(kind, names, rows) for name, (kind, names) in type(self).inputs.items()}
        answers = self.fitted.run([_output(chosen) for chosen in type(self).outputs.values()], fed)
        pairs = zip(type(self).outputs.items(), answers, strict=True)
        columns = {name: self._column(name, chosen, answer, len(rows)) for (name, chosen), answer in pairs}
        if len(columns) == 1 and (not self.target_variable or self.target_variable in columns):
            return next(iter(columns.values()))
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]

    def _tensor(self, kind: str, names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> NDArray[Any]:
        """Return the columns of an input as it takes them; raise `InputError` for a value that it cannot hold."""
        import numpy

        values = [[row[name] for name in names] for row in rows]
        if kind == "string":
            for at, row in enumerate(values):
                for name, value in zip(names, row, strict=True):
                    _check_text(value, at, name)
            return numpy.array(values, dtype=object)
        if not kind.startswith("float"):
            return numpy.array(values, dtype=kind)
        wide = numpy.array([[math.nan if value is None else value for value in row] for row in values], dtype="float64")
        if kind == "float64":
            found = wide
        else:
            with numpy.errstate(over="ignore", under="ignore"):
                found = wide.astype(kind)
        if lost := _lost(kind, names, wide, found, self.rounded):
            raise lost
        return found

    def _column(self, name: str, chosen: str | tuple[str, int], answer: Any, rows: int) -> list[Any]:
        """Return an output's value for each row, as Python has it."""
        if isinstance(answer, list):
            found = [{str(key): value for key, value in each.items()} for each in answer]
        else:
            if not isinstance(chosen, str):
                answer = answer[:, chosen[1]]
            elif answer.ndim > 1 and len(answer) and answer[0].size == 1:
                answer = answer.reshape(len(answer))
            found = answer.tolist()
            if name == PROBABILITIES and self.probabilities:
                names = [str(each) for each in type(self).classes[str(self.target_variable)]]
                found = [dict(zip(names, row, strict=True)) for row in found]
        if not isinstance(found, list) or len(found) != rows:
            raise RuntimeError(f"the graph's output {_output(chosen)} has no value for each of {rows} rows")
        for row, value in enumerate(found):
            if not _is_finite(value):
                problem = f"the graph's answer to it, {_output(chosen)}, is no finite number"
                raise InputError(problem, row=row)
        return found

    @classmethod
    def _field(cls, name: str, kind: str, where: str) -> Field:
        if kind not in TYPES:
            raise ContractError(f"{where}: {kind!r} is no type; it is one of {', '.join(TYPES)}")
        optional = name in cls.optional
        if optional and not kind.startswith("float"):
            raise ContractError(f"{where}: {name!r} is optional, and {kind} has no value for a missing one")
        if kind in ("bool", "string"):
            return Field(name=name, kind="boolean" if kind == "bool" else "string")
        low, high = _limits(kind)
        about = f"rounded to {kind}" if name in cls.rounded else ""
        whole: Kind = "number" if kind.startswith("float") else "integer"
        return Field(name=name, kind=whole, minimum=low, maximum=high, optional=optional, description=about)

    @classmethod
    def _target(cls) -> Field | None:
        named = cls.target_variable
        targets = [named] if isinstance(named, str) and named else list(named)
        if lacking := [name for name in targets if name not in cls.outputs]:
            raise ContractError(f"{cls.__name__}.outputs has no {lacking[0]!r}, which is a target")
        fields = tuple(starmap(cls._labelled, ((name, cls.classes.get(name)) for name in targets)))
        if len(fields) > 1:
            return Field(name=PREDICTION, kind="object", parts=fields)
        return fields[0] if fields else None

    @classmethod
    def _labelled(cls, name: str, classes: Sequence[Any] | None) -> Field:
        """Return the field of a target."""
        if not classes:
            return Field(name=name, kind="string" if name in cls.texts else "number")
        kinds: dict[type, Kind] = {bool: "boolean", int: "integer", str: "string"}
        types = {type(each) for each in classes}
        if len(types) != 1 or not types <= kinds.keys():
            raise ContractError(f"{cls.__name__}.classes: those of {name} have to be all text, all int or all bool")
        return Field(name=name, kind=kinds[types.pop()], categories=tuple(classes))


def _output(chosen: str | tuple[str, int]) -> str:
    return chosen if isinstance(chosen, str) else chosen[0]


def _limits(kind: str) -> tuple[float | None, float | None]:
    """Return the lowest and the highest number of a type, where it has not all that a request may hold."""
    if kind in _LARGEST:
        return -_LARGEST[kind], _LARGEST[kind]
    if kind in ("float64", "int64"):
        return None, None
    if kind == "uint64":  # beyond int64, a field refuses it
        return 0.0, None
    bits = int(kind.removeprefix("u").removeprefix("int"))
    return (0.0, 2.0**bits - 1) if kind.startswith("u") else (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1)


def _check_text(value: Any, row: int, field: str) -> None:
    if type(value) is not str:
        raise InputError("has no value; a string is needed", row=row, field=field)
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise InputError("holds a letter that a graph cannot be given", row=row, field=field)


def _lost(
    kind: str, names: Sequence[str], wide: NDArray[Any], found: NDArray[Any], rounded: Sequence[str]
) -> InputError | None:
    """Return the refusal of the first number that the type of the graph's input would make another one.

    A fraction loses digits, as everything that the graph was trained on did. A whole number may be an identifier.
    """
    import numpy

    free = numpy.array([name in rounded for name in names])
    whole = (numpy.abs(wide) >= _EXACT[kind]) & (numpy.floor(wide) == wide) & ~free
    with numpy.errstate(invalid="ignore"):
        differs = found.astype("float64") != wide if kind != "float64" else numpy.zeros(wide.shape, dtype=bool)
    lost = ~numpy.isnan(wide) & (
        (whole & differs) | (numpy.isinf(found) & ~numpy.isinf(wide)) | ((found == 0) & (wide != 0))
    )
    if not lost.any():
        return None
    row, place = divmod(int(lost.argmax()), len(names))
    value, held = wide[row, place].item(), found[row, place].item()
    problem = f"{value:.17g} would be {held:.9g} in {kind}, which the graph takes"
    return InputError(problem, row=row, field=names[place])


def _is_finite(value: Any) -> bool:
    if isinstance(value, (list, dict)):
        return all(map(_is_finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float) or math.isfinite(value)
