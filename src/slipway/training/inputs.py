"""The inputs of a training beside its data: parameters with the types of the model's class, and secrets.

Secrets are kept out of all that is shown or published.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slipway import digests, processes
from slipway import settings as settings_file
from slipway.containers import class_of
from slipway.errors import SlipwayError
from slipway.model import Model, Parameter, is_parameter
from slipway.models.environment import compile_lock, python_for
from slipway.names import nearest
from slipway.settings import Settings
from slipway.settings.types import SecretRef

# Characters: a shorter value stands in files by chance.
_SHORTEST_SECRET = 6


def typed(
    given: Mapping[str, Parameter], kind: type[Model], model: str, *, texts: bool = False
) -> dict[str, Parameter]:
    """Return parameters as the types of their defaults; raise `SlipwayError` for one that the model does not have.

    With `texts` they come from a command line: one whose default is None is read as JSON, or else is the text itself.
    """
    for name in given:
        if name not in kind.parameters:
            problem = f"{kind.__name__} has no parameter {name!r} (-p, or models.{model}.parameters in slipway.yaml)"
            raise SlipwayError(problem, fix=nearest(name, kind.parameters))
    return {name: _as(kind.parameters[name], value, name, texts=texts) for name, value in given.items()}


def parameters(settings: Settings, model: str) -> dict[str, Parameter]:
    """Return the parameters of the model's class with the values of slipway.yaml, from the model's environment.

    Raise `SlipwayError` when the class cannot be loaded, and for a parameter in the settings that it does not have.
    """
    python = python_for(compile_lock(settings, model, "train"))
    env = {"PATH": "/usr/bin:/bin", "PYTHONHASHSEED": "0"}
    try:
        return processes.ask(python, __name__, (settings.root, model), answer=dict[str, Parameter], env=env)
    except SlipwayError as error:
        problem = f"the parameters of {model} cannot be read: {error.problem}"
        raise SlipwayError(problem, fix=error.fix or f"slipway train {model} says more") from error


def answer(question: tuple[Path, str]) -> dict[str, Parameter]:
    """Return the parameters of a repository's model, in a process that runs in the model's environment."""
    root, model = question
    settings = settings_file.load(root)
    kind = class_of(settings, model)
    return {**kind.parameters, **typed(settings.model(model).parameters, kind, model)}


def _as(default: Parameter, value: Any, name: str, *, texts: bool) -> Any:
    """Return a parameter as its default's type; read text from a command line as that type.

    Any parameter may be None, and one whose default is None may be anything.
    """
    kind = type(default)
    if value is None or (default is None and not (texts and isinstance(value, str))):
        return value
    if isinstance(value, str) and kind is not str:
        value = _read(kind, value)
    if default is None or value is None:
        return value
    if kind is float and type(value) is int:
        return float(value)
    if kind is list and type(value) is list:
        floats = default and all(type(each) is float for each in default)  # type: ignore[union-attr]
        return [float(each) if floats and type(each) is int else each for each in value]
    if type(value) is kind:
        return value
    fix = f"give a value like the default's type: {kind.__name__}"
    raise SlipwayError(f"parameter {name}: {value!r} is not of type {kind.__name__}", fix=fix)


def _read(kind: type, text: str) -> Any:
    """Return a text as a value of `kind`, or as JSON has it; return the text itself if it is neither."""
    try:
        if kind in (int, float):
            return kind(text)
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
    except (KeyError, ValueError):
        pass
    try:
        found = json.loads(text, parse_constant=_refuse_constant)
    except ValueError:
        return text
    return found if is_parameter(found) else text


def _refuse_constant(text: str) -> None:
    raise ValueError(text)


def read_secrets(references: Mapping[str, SecretRef]) -> dict[str, str]:
    """Return the values by variable; raise `SlipwayError` for one that is not set."""
    for variable, reference in references.items():
        if not os.environ.get(variable):
            fix = f"export {variable}=…; in a cluster it is the key {reference.key} of the Secret {reference.secret}"
            raise SlipwayError(f"the secret {variable}, which training needs, is not set", fix=fix)
    return {variable: os.environ[variable] for variable in references}


def hide_secrets(text: str, secrets: Mapping[str, str]) -> str:
    """Return `text` with the name of each secret in place of its value."""
    for variable, value in secrets.items():
        text = text.replace(value, f"<{variable}>")
    return text


def refuse_secrets_in(folder: Path, secrets: Mapping[str, str]) -> None:
    """Raise `SlipwayError` when a file below `folder` holds the value of a secret."""
    for name, path in digests.walk(folder).items():
        if variable := secrets_in(path, secrets):
            fix = "do not set it on self in train: an artifact holds no secrets"
            raise SlipwayError(f"the artifact's {name} holds the value of the secret {variable}", fix=fix)


def secrets_in(path: Path, secrets: Mapping[str, str]) -> str:
    """Return the name of a secret whose value a file holds; empty if it holds none."""
    values = {variable: value.encode() for variable, value in secrets.items() if len(value) >= _SHORTEST_SECRET}
    content = path.read_bytes() if values else b""
    return next((variable for variable, value in values.items() if value in content), "")
