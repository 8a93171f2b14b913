"""Classes that were written for another serving system, adapted to `Model`.

Serving imports this package, so it needs only the standard library.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from slipway.model import ContractError, Model, Parameter
from slipway.wrapped import arrays, frames
from slipway.wrapped.frames import ModelWrapper
from slipway.wrapped.signature import parameters_of

__all__ = ["ModelWrapper", "adapted", "fits"]

_NONE: Mapping[str, Parameter] = MappingProxyType({})


def fits(found: Any) -> bool:
    """Return True for a class that keeps one of the conventions and is not a `Model` itself."""
    return inspect.isclass(found) and not issubclass(found, Model) and (frames.fits(found) or arrays.fits(found))


def adapted(
    found: type,
    given: Mapping[str, Parameter] = _NONE,
    *,
    features: Sequence[str] = (),
    target: str = "",
) -> type[Model]:
    """Return a `Model` around the class; return a `Model` as it is.

    `given` are values for parameters of its `__init__`; `features` and `target` are the columns, if it does not name
    them itself. Raise `ContractError` when it keeps no convention, or when its `__init__` needs more than `given`.
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
    return frames.wrap(found, own) if frames.fits(found) else arrays.wrap(found, own)
