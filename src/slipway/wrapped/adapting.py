"""A class of another convention as a `Model`: which convention it keeps, and what the model is called."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from slipway.model import ContractError, Model
from slipway.wrapped import arrays, frames
from slipway.wrapped.signature import Parameter, parameters_of

__all__ = ["adapted", "fits"]

_NONE: Mapping[str, Parameter] = MappingProxyType({})


def fits(found: Any) -> bool:
    """Whether this is a class that keeps one of the conventions, and no `Model` by itself."""
    return inspect.isclass(found) and not issubclass(found, Model) and (frames.fits(found) or arrays.fits(found))


def adapted(
    found: type,
    given: Mapping[str, Parameter] = _NONE,
    *,
    features: Sequence[str] = (),
    target: str = "",
) -> type[Model]:
    """The class as one that keeps the contract; a `Model` is that already.

    `given` are values for what its `__init__` takes, `features` and `target` the columns that it does not name itself.
    Raises `ContractError` when it keeps no convention, or its `__init__` needs what is not given.
    """
    if issubclass(found, Model):
        return found
    if not fits(found):
        what = "prep_and_train(self, data) and prep_and_predict(self, data), or predict(self, X, features_names)"
        raise ContractError(f"{found.__name__} is no slipway.model.Model and has neither {what}")
    own: dict[str, Any] = {
        "__module__": found.__module__,
        "__qualname__": found.__qualname__,
        "__doc__": found.__doc__,
        "__wrapped__": found,
        "parameters": parameters_of(found, given),
        "tolerance": getattr(found, "tolerance", Model.tolerance),
    }
    if target:
        own |= {"source_features": list(features), "target_variable": target}
    return frames.adapt(found, own) if frames.fits(found) else arrays.adapt(found, own)
