"""Models that train and predict on a whole DataFrame: `prep_and_train(self, data)`, `prep_and_predict(self, data)`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from slipway.model import ContractError, Model, frame, typed
from slipway.wrapped.signature import taken

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["ModelWrapper", "fits", "wrap"]

_METHODS = ("prep_and_train", "prep_and_predict")


class ModelWrapper(Model):
    """A model that prepares its data itself: write `prep_and_train` and `prep_and_predict`, which take a DataFrame.

    The attributes that `prep_and_train` sets on `self` are saved with the model.
    """

    def prep_and_train(self, data: pd.DataFrame) -> None:
        """Learn from `data`, whose columns are the source features and the target."""
        raise NotImplementedError

    def prep_and_predict(self, data: pd.DataFrame) -> Any:
        """Return one prediction per row of `data` (the source features): a list, an array, a Series or a DataFrame."""
        raise NotImplementedError

    def train(self, data: pd.DataFrame) -> None:
        """See `Model.train`."""
        for method in _METHODS:
            if getattr(type(self), method) is getattr(ModelWrapper, method):
                raise ContractError(f"{type(self).__name__}.{method} is not written")
        self.prep_and_train(typed(type(self), data))

    def predict(self, rows: Sequence[Any]) -> Sequence[Any]:
        """See `Model.predict`."""
        found = self.prep_and_predict(frame(type(self), rows))
        if getattr(found, "ndim", 1) == 2 and found.shape[1] == 1:  # a column is as good as a list
            found = getattr(found, "values", found)[:, 0]
        return found  # type: ignore[no-any-return]


def fits(found: type) -> bool:
    """Return True if a class has the methods of a `ModelWrapper`."""
    return all(callable(getattr(found, method, None)) for method in _METHODS)


def wrap(found: Any, own: Mapping[str, Any]) -> type[Model]:
    """Return a subclass of the class and `ModelWrapper`; `own` are its further attributes."""

    def made(self: Any, **parameters: Any) -> None:
        Model.__init__(self, **parameters)
        found.__init__(self, **taken(found, self.parameters))

    # The platform calls these, and not methods of the same names that the class may have.
    methods = {"__init__": made, "train": ModelWrapper.train, "predict": ModelWrapper.predict}
    new: type[Model] = type(found.__name__, (found, ModelWrapper), {**own, **methods})
    return new
