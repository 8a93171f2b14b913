"""The form of predictions, to which `/predict` holds them as the Open Inference Protocol does by its outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

import msgspec

from slipway.schema import Field
from slipway.serving.oip.inference import Output, outputs_of, tensors_of


class Form:
    """The outputs of a model, decided by its schema and its golden predictions."""

    def __init__(self, target: Field, golden: Sequence[Any]) -> None:
        self._target = target
        self._outputs = list(outputs_of(target, golden).values())
        self._type = list[_type_of(self._outputs, target)]  # type: ignore[misc]
        sole = self._outputs[0] if len(self._outputs) == 1 else None
        self._sure = sole.sure if sole and sole.path == (target.name,) else None

    def check(self, predictions: Sequence[Any]) -> None:
        """Raise `PredictionError` for a prediction that has another type than its output is said to have."""
        if self._sure and set(map(type, predictions)) == {self._sure}:
            return
        try:
            # In C, and narrower than what follows, which decides.
            msgspec.convert(predictions, self._type)
        except (msgspec.ValidationError, OverflowError):
            tensors_of(self._outputs, self._target, predictions)


def _type_of(outputs: Sequence[Output], target: Field) -> Any:
    tree: dict[str, Any] = {}
    for output in outputs:
        inner = tree
        for key in output.path[:-1]:
            inner = inner.setdefault(key, {})
        inner[output.path[-1]] = output.form
    keyed = _typed(tree)
    is_single = [output.path for output in outputs] == [(target.name,)]
    return keyed if not is_single else outputs[0].form | keyed if outputs[0].form is not Any else Any


def _typed(tree: Mapping[str, Any]) -> Any:
    fields = {key: _typed(each) if isinstance(each, dict) else each for key, each in tree.items()}
    return TypedDict("Prediction", fields)  # type: ignore[operator]
