"""Parameters of a model: their types and their values."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from slipway import processes
from slipway import settings as settings_file
from slipway.containers import class_of
from slipway.errors import SlipwayError
from slipway.model import Model, Parameter
from slipway.models.environment import compile_lock, python_for
from slipway.names import nearest
from slipway.settings import Settings

__all__ = ["Question", "answer", "parameters", "typed"]


class Question(Struct, frozen=True):
    """The model whose parameters are asked for, and its repository."""

    root: Path
    model: str


def typed(given: Mapping[str, Parameter], kind: type[Model], model: str) -> dict[str, Parameter]:
    """Return parameters as the types of their defaults; raise `SlipwayError` for one that the model does not have."""
    for name in given:
        if name not in kind.parameters:
            where = f"-p, or models.{model}.parameters in slipway.yaml"
            raise SlipwayError(
                f"{kind.__name__} has no parameter {name!r} ({where})", fix=nearest(name, kind.parameters)
            )
    return {name: _as(type(kind.parameters[name]), value, name) for name, value in given.items()}


def parameters(settings: Settings, model: str) -> dict[str, Parameter]:
    """Return the parameters of the model's class with the values of slipway.yaml, from the model's environment.

    Raise `SlipwayError` when the class cannot be loaded, and for a parameter in the settings that it does not have.
    """
    python = python_for(compile_lock(settings, model, "train"))
    env = {"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "0"}
    try:
        return processes.ask(python, __name__, Question(settings.root, model), answer=dict[str, Parameter], env=env)
    except SlipwayError as error:
        problem = f"the parameters of {model} cannot be read: {error.problem}"
        raise SlipwayError(problem, fix=error.fix or f"slipway train {model} says more") from error


def answer(question: Question) -> dict[str, Parameter]:
    """Return the model's parameters, in a process that runs in its environment."""
    settings, model = settings_file.load(question.root), question.model
    kind = class_of(settings, model)
    return {**kind.parameters, **typed(settings.model(model).parameters, kind, model)}


def _as(kind: type, value: Any, name: str) -> Any:
    """Return a parameter as its default's type; read text from a command line as that type."""
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is kind:
        return value
    if isinstance(value, str):
        try:
            return {"true": True, "false": False}[value.lower()] if kind is bool else kind(value)
        except (KeyError, ValueError):
            pass
    fix = f"give a value like the default's type: {kind.__name__}"
    raise SlipwayError(f"parameter {name}: {value!r} is not of type {kind.__name__}", fix=fix)
