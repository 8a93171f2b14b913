"""The arguments of a foreign class's `__init__` as the parameters of a model."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

from slipway.model import ContractError, Parameter, is_parameter


def parameters_of(found: type, given: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return the names and defaults of the arguments of `__init__`; `given` are values for those without a default.

    Raise `ContractError` for an argument that has no default and is not given.
    """
    takes = _arguments(found)
    known: dict[str, Parameter] = {}
    for name, argument in takes.items():
        if argument.kind is argument.VAR_KEYWORD:
            known |= {each: value for each, value in given.items() if each not in takes}
        elif argument.default is not argument.empty and is_parameter(argument.default):
            known[name] = argument.default
        elif name in given:
            known[name] = given[name]
        elif argument.default is argument.empty and argument.kind is not argument.VAR_POSITIONAL:
            raise ContractError(f"{found.__name__}.__init__ needs {name!r}: set it among the model's parameters")
    return known


def taken(found: type, parameters: Mapping[str, Parameter]) -> dict[str, Parameter]:
    """Return the parameters that `__init__` takes."""
    takes = _arguments(found)
    anything = any(argument.kind is argument.VAR_KEYWORD for argument in takes.values())
    return {name: value for name, value in parameters.items() if anything or name in takes}


def _arguments(found: type) -> dict[str, inspect.Parameter]:
    made = vars(found).get("__init__") or getattr(found, "__init__", None)
    if made is None or made is object.__init__:
        return {}
    _, *arguments = inspect.signature(made).parameters.values()
    return {argument.name: argument for argument in arguments}
