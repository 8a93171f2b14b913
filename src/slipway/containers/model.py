"""A container as a model: it is asked where the training steps ask a model, and learns nothing."""

from __future__ import annotations

import atexit
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from slipway.errors import SlipwayError
from slipway.images import confined, contract
from slipway.images import contract as asking
from slipway.model import Model
from slipway.models.rows import records

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ContainerModel", "model_of"]

_SAMPLE = 5


class ContainerModel(Model):
    """A container in any language that speaks the Open Inference Protocol."""

    declared: ClassVar[tuple[str, str]] = ("", "")
    """The model's name and its image, as the settings have them."""

    image: str
    called: str
    """The model's name, by which it is asked."""
    target: str
    types: Mapping[str, str]
    """The datatype of each input."""

    def train(self, data: pd.DataFrame) -> None:
        """Hold the container to the contract; raise `SlipwayError` that names all that it misses."""
        self.called, self.image = type(self).declared
        *features, target = data.columns
        self.target = str(target)
        self.types = {str(name): _datatype(data[name]) for name in features}
        rows = records(data.head(_SAMPLE), features)
        lacks = contract.missing(self._url, self.called, confined.user_of(self.image), rows, self.types, self.target)
        if lacks:
            problem = f"{self.image} does not keep the contract:\n  " + "\n  ".join(lacks)
            raise SlipwayError(problem, fix="functions/README.md has it under Other languages, with an example")

    def predict(self, rows: Sequence[Any]) -> Sequence[Any]:
        """See `Model.predict`; the container runs on this machine until the process ends."""
        return asking.predict(self._url, self.called, rows, self.types, self.target)

    @cached_property
    def _url(self) -> str:
        stack = ExitStack()
        url = stack.enter_context(confined.serve(self.image, model_id=f"{self.called}/dev/1", release="dev"))
        atexit.register(stack.close)
        return url


def model_of(name: str, image: str, features: Sequence[str], target: str) -> type[Model]:
    """The class of the model `name` that is answered by `image`."""
    own = {
        "__module__": ContainerModel.__module__,
        "__doc__": ContainerModel.__doc__,
        "__wrapped__": ContainerModel,
        "declared": (name, image),
        "source_features": list(features),
        "target_variable": target,
    }
    new: type[Model] = type(ContainerModel.__name__, (ContainerModel,), own)
    return new


def _datatype(column: pd.Series[Any]) -> str:
    from pandas.api import types

    if types.is_bool_dtype(column):
        return "BOOL"
    return "FP64" if types.is_numeric_dtype(column) else "BYTES"
