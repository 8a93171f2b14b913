"""`ModelWrapper`: a class that trains and predicts on a whole DataFrame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from slipway.model import Contract, ContractError, Model, fields_in, frame, typed

if TYPE_CHECKING:
    import pandas as pd

METHODS = ("prep_and_train", "prep_and_predict")

ASIDE = ("save", "load")
"""Methods of OpenDevStack's class that are not called: an artifact keeps the attributes."""

# The key of the predictions in an answer of OpenDevStack's class.
_PREDICTION = "prediction"


class ModelWrapper(Model):
    """A model that prepares its data itself: write `prep_and_train` and `prep_and_predict`, which take a DataFrame.

    The attributes that `prep_and_train` sets on `self` are saved with the model.
    """

    def prep_and_train(self, data: pd.DataFrame) -> None:
        """Learn from `data`: the source features, the target, then all other columns of the data."""
        raise NotImplementedError

    def prep_and_predict(self, data: pd.DataFrame) -> Any:
        """Return one prediction per row of `data` (the source features): a list, an array, a Series or a DataFrame.

        Or return a dict of lists with one value per row, in which `prediction` is the predicted target.
        """
        raise NotImplementedError

    def train(self, data: pd.DataFrame) -> None:
        """See `Model.train`."""
        for method in METHODS:
            if getattr(type(self), method) is getattr(ModelWrapper, method):
                raise ContractError(f"{type(self).__name__}.{method} is not written")
        self._learned = fields_in(data[list(Contract.of(type(self)).names)])
        self.prep_and_train(typed(self, data))

    def predict(self, rows: Sequence[Any]) -> Sequence[Any]:
        """See `Model.predict`."""
        found = self.prep_and_predict(frame(self, rows))
        if isinstance(found, Mapping):
            return _by_row(found, len(rows), type(self))
        if getattr(found, "ndim", 1) == 2 and found.shape[1] == 1:  # a column is as good as a list
            found = getattr(found, "values", found)[:, 0]
        if _PREDICTION in getattr(found, "columns", ()):
            return _by_row(found.to_dict("list"), len(rows), type(self))
        return found  # type: ignore[no-any-return]


def _by_row(found: Mapping[str, Any], count: int, model: type[Model]) -> list[Any]:
    """Return a prediction per row from a dict of lists; a key with one text, number or None has it for each row."""
    target = model.target_variable if isinstance(model.target_variable, str) else ""
    columns: dict[str, list[Any]] = {}
    for key, value in found.items():
        name = target if key == _PREDICTION and target not in found else key
        values = value.tolist() if hasattr(value, "tolist") else value
        if name != target and (values is None or isinstance(values, bool | int | float | str)):
            columns[name] = [values] * count
        elif isinstance(values, list | tuple) and len(values) == count:
            columns[name] = list(values)
        else:
            has = f"{len(values)} values" if isinstance(values, list | tuple) else f"a {type(value).__name__}"
            problem = f"{model.__name__}.prep_and_predict gave {has} under {key!r} for {count} rows"
            raise ContractError(f"{problem}: give a list with one value for each row")
    if columns.keys() == {target}:
        return columns[target]
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
