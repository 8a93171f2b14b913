"""What a model's `predict` returned, as JSON and held to the schema."""

from __future__ import annotations

import dataclasses
import enum
import math
import sys
from collections.abc import Iterable
from typing import Any

from slipway.artifacts.values import python_scalar
from slipway.schema import Field

__all__ = ["PredictionError", "to_json"]


class PredictionError(RuntimeError):
    """The model's `predict` returned something that is no answer: a fault of the model, not of the caller."""


def to_json(predictions: Any, count: int, target: Field) -> list[Any]:
    """`predictions` for `count` rows as JSON values: dicts, lists, text, finite numbers, booleans and None.

    A prediction of `target`, or the value under its name when the prediction is a dict, has to be one of its
    categories. It is not held to the target's range: that is where the truth lies, and what is computed may miss it by
    a little. Raises `PredictionError` with the row (from 0) and what is wrong.
    """
    answers = [_json(value, f"row {row}") for row, value in enumerate(_items(predictions))]
    if len(answers) != count:
        raise PredictionError(f"predict returned {len(answers)} predictions for {count} rows")
    for row, answer in enumerate(answers):
        _check(answer, row, target)
    return answers


def _items(predictions: Any) -> Iterable[Any]:
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(predictions, pandas.DataFrame):
        # Going through a frame gives its columns, not its rows.
        return predictions.to_dict("records")  # type: ignore[no-any-return]
    if isinstance(predictions, (str, bytes, dict, set, frozenset)) or not hasattr(predictions, "__iter__"):
        raise PredictionError(
            f"predict returned {_article(predictions)}: it has to be a list with one prediction for each row"
        )
    return predictions  # type: ignore[no-any-return]


def _json(value: Any, at: str) -> Any:
    value = _simple(value)
    if value is None or type(value) in (bool, int, str):
        return value
    if type(value) is float:
        if not math.isfinite(value):
            raise PredictionError(f"{at}: predict returned {value}, which is no finite number")
        return value
    if isinstance(value, dict):
        return {_key(key, at): _json(item, f"{at}, {key}") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_json(item, f"{at}, [{index}]") for index, item in enumerate(value)]
    raise PredictionError(f"{at}: predict returned {_article(value)}, which JSON cannot hold")


def _simple(value: Any) -> Any:
    """`value` without the types around it that JSON does not know, one layer deep."""
    if isinstance(value, enum.Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    numpy = sys.modules.get("numpy")
    if numpy is not None and isinstance(value, numpy.ndarray):
        return value.tolist()
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(value, pandas.Series):
        return value.tolist()
    return python_scalar(value)


def _key(key: Any, at: str) -> str:
    key = _simple(key)
    if type(key) is not str:
        raise PredictionError(f"{at}: predict returned a dict with the key {key!r}: the keys have to be text")
    return key


def _check(answer: Any, row: int, target: Field) -> None:
    if isinstance(answer, dict):
        if target.name not in answer:
            return
        answer = answer[target.name]
    if answer is None:
        if not target.optional:
            raise PredictionError(f"row {row}: predict returned None for {target.name}")
    elif target.categories and not any(answer == known and type(answer) is type(known) for known in target.categories):
        known = ", ".join(map(repr, target.categories))
        problem = f"row {row}: predict returned the unknown class {answer!r} for {target.name} ({known})"
        if isinstance(answer, float) and target.kind == "integer":
            problem += f"; if {target.name} is a quantity and no class, say so in the model's class: output = float"
        raise PredictionError(problem)


def _article(value: Any) -> str:
    type_ = type(value)
    where = "" if type_.__module__ == "builtins" else f"{type_.__module__}."
    return f"a value of the type {where}{type_.__qualname__}"
