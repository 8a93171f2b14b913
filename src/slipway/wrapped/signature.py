"""The arguments of a class's `__init__` as parameters of a model."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from slipway.model import ContractError, Parameter

__all__ = ["parameters_of", "taken"]


def parameters_of(found: type, given: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return the names and defaults of the model's parameters; `given` are values for those without a default.

    Raise `ContractError` for a parameter that has no default and is not given.
    """
    takes = _parameters(found)
    known: dict[str, Parameter] = {}
    for name, parameter in takes.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            known |= {each: value for each, value in given.items() if each not in takes}
        elif type(parameter.default) in (bool, int, float, str):
            known[name] = parameter.default
        elif name in given:
            known[name] = given[name]
        elif parameter.default is parameter.empty and parameter.kind is not parameter.VAR_POSITIONAL:
            raise ContractError(f"{found.__name__}.__init__ needs {name!r}: set it among the model's parameters")
    return known


def taken(found: type, parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return those of the parameters that the `__init__` takes."""
    takes = _parameters(found)
    anything = any(parameter.kind is parameter.VAR_KEYWORD for parameter in takes.values())
    return {name: value for name, value in parameters.items() if anything or name in takes}


def _parameters(found: type) -> dict[str, inspect.Parameter]:
    made = vars(found).get("__init__") or getattr(found, "__init__", None)
    if made is None or made is object.__init__:
        return {}
    _, *parameters = inspect.signature(made).parameters.values()
    return {parameter.name: parameter for parameter in parameters}
