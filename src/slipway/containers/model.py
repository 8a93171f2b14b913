"""A container as a `Model`: the training steps ask it for predictions, and it learns nothing."""

from __future__ import annotations

import atexit
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from slipway.errors import SlipwayError
from slipway.images import contract, engines
from slipway.model import Contract, Model
from slipway.models.data import records
from slipway.schema import arrays

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ContainerModel"]

_SAMPLE = 5


class ContainerModel(Model):
    """A container in any language that speaks the Open Inference Protocol."""

    declared: ClassVar[tuple[str, str]] = ("", "")
    """The model's name and its image, from slipway.yaml."""

    image: str
    called: str
    """The model's name in requests."""
    target: str
    types: Mapping[str, str]
    """The datatype of each input."""

    def train(self, data: pd.DataFrame) -> None:
        """Hold the container to the contract; raise `SlipwayError` that names everything it lacks."""
        self.called, self.image = type(self).declared
        contract_ = Contract.of(type(self))
        names, self.target = contract_.names, contract_.target
        self.types = {name: _datatype(data[name]) for name in names}
        rows = records(data.head(_SAMPLE), names)
        lacks = contract.missing(self._url, self.called, engines.user_of(self.image), rows, self.types, self.target)
        if lacks:
            problem = f"{self.image} does not keep the contract:\n  " + "\n  ".join(lacks)
            raise SlipwayError(problem, fix="functions/README.md has it under Other languages, with an example")

    def predict(self, rows: Sequence[Any]) -> Sequence[Any]:
        """See `Model.predict`; the container runs on this machine until the process ends."""
        return contract.predict(self._url, self.called, rows, self.types, self.target)

    @cached_property
    def _url(self) -> str:
        stack = ExitStack()
        url = stack.enter_context(engines.serve(self.image, model_id=f"{self.called}/dev/1", release="dev"))
        atexit.register(stack.close)
        return url


def _datatype(column: pd.Series[Any]) -> str:
    from pandas.api import types

    if types.is_bool_dtype(column):
        return "BOOL"
    return "FP64" if types.is_numeric_dtype(column) or arrays.width_of(column) else "BYTES"
