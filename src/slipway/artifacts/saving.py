"""Trained models saved as artifacts; the same model gives the same bytes anywhere."""

from __future__ import annotations

import enum
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from slipway import files
from slipway.artifacts import estimators, golden, manifest, pandas_values, values
from slipway.artifacts.loading import SCHEMA
from slipway.artifacts.onnx.foreign import ForeignGraph
from slipway.artifacts.trust import Trust
from slipway.errors import SlipwayError
from slipway.model import PARAMETER, Model, Parameter, is_parameter
from slipway.schema import Schema

# The ending of a part's file, by which the environment that it needs is known, where it is not the form.
_ENDINGS = {"graph": "onnx"}


def save(
    model: Model, schema: Schema, pairs: golden.Golden, folder: Path, *, code: Mapping[str, Path] | None = None
) -> None:
    """Write the trained `model` into `folder`, which is new or empty.

    It saves every attribute that `train` set, but those whose name begins with `_`. `code` is the model's code by its
    path in the repository (`model/iris/model.py`). Raise `SlipwayError` naming an attribute that cannot be saved, or
    could not be loaded again.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise SlipwayError(f"{folder} is not empty", fix="save the artifact in a folder of its own")
    cls = type(model)
    trust = Trust.of(cls)
    saved = sorted(
        name
        for name in vars(model)
        if name != "parameters" and not name.startswith("_") and not _is_declared(model, name)
    )
    written = manifest.Manifest(
        format=manifest.FORMAT,
        entry=_entry(cls),
        parameters=_parameters(model),
        tolerance=float(cls.tolerance),
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        missing="nan",
        parts={name: _write_part(model, name, folder, trust) for name in saved},
    )
    write_schema(schema, folder)
    save_golden(pairs, folder)
    for name, path in sorted((code or {}).items()):
        files.write(manifest.within(folder / "code", name), path.read_bytes())
    manifest.write(written, folder)


def write_schema(schema: Schema, folder: Path) -> None:
    """Write the schema of the artifact in `folder`, in place of another one."""
    files.write(folder / SCHEMA, _json(schema))


def save_golden(pairs: golden.Golden, folder: Path) -> None:
    """Replace the golden predictions of the artifact in `folder`."""
    files.write(folder / golden.FILE, _json(pairs))


def _is_declared(model: Model, name: str) -> bool:
    """Return True for columns that the `__init__` of a foreign class sets, as it will when the artifact is loaded."""
    if name not in ("source_features", "target_variable") or not hasattr(model, "__wrapped__"):
        return False
    return list(getattr(model, name)) == list(getattr(type(model), name))


def _write_part(model: Model, name: str, folder: Path, trust: Trust) -> manifest.Part:
    where = f"{type(model).__name__}.{name}"
    if manifest.is_taken(name):
        raise SlipwayError(f"{where} hides what every model has", fix="give the attribute another name")
    form, content = _encode(getattr(model, name), where, trust)
    part = manifest.Part(form=form, file=f"parts/{name}.{_ENDINGS.get(form, form)}")
    files.write(folder / part.file, content)
    return part


def _encode(value: Any, where: str, trust: Trust) -> tuple[str, bytes]:
    """Return the simplest form that keeps `value` as it is, and its content."""
    try:
        return "json", values.encode(value, where)
    except values.NotPlainError:
        pass
    if values.is_array(value):
        return "npy", values.encode_array(value)
    if isinstance(value, ForeignGraph):
        return "graph", value.content
    if pandas_values.holds(value):
        return "pandas", pandas_values.encode(value, where)
    _refuse_changed(value, where)
    return "skops", estimators.dump(value, trust, where)


def _refuse_changed(value: Any, where: str) -> None:
    """Refuse values that skops would load as another type: subclasses of text and numbers, and keys of other types."""
    value = values.python_scalar(value)
    if isinstance(value, dict):
        for key, item in value.items():
            if type(values.python_scalar(key)) not in (str, int, float):
                raise SlipwayError(f"{where} has the key {key!r} (a {type(key).__name__})", fix="use text or numbers")
            _refuse_changed(item, f"{where}[{key!r}]")
    elif isinstance(value, (list, tuple, set)):
        for item in value:
            _refuse_changed(item, f"an item of {where}")
    elif isinstance(value, (enum.Enum, str, int, float)) and type(value) not in (str, int, float, bool):
        problem = f"{where} is {value!r}, a {type(value).__module__}.{type(value).__qualname__}"
        raise SlipwayError(problem, fix="keep its plain value, and make it that again in predict")


def _entry(cls: type) -> str:
    cls = getattr(cls, "__wrapped__", cls)
    found: Any = sys.modules.get(cls.__module__)
    if cls.__module__ == "__main__" or getattr(found, cls.__qualname__, None) is not cls:
        fix = "define the class in a module (model/<name>/model.py), not within another, and import it from there"
        problem = f"{cls.__qualname__} cannot be found in {cls.__module__}, so that nobody could load it again"
        raise SlipwayError(problem, fix=fix)
    return f"{cls.__module__}:{cls.__qualname__}"


def _parameters(model: Model) -> dict[str, Parameter]:
    for name, value in model.parameters.items():
        if not is_parameter(value):
            problem = f"{type(model).__name__}.parameters[{name!r}] is {value!r}"
            raise SlipwayError(problem, fix=f"a parameter is {PARAMETER}")
    return dict(model.parameters)


def _json(value: Any) -> bytes:
    return (json.dumps(msgspec.to_builtins(value), indent=2, allow_nan=False) + "\n").encode()
