"""A folder of `mlflow.*.save_model`: the file with the model, the names of its columns, and rows as an example."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from slipway.errors import SlipwayError

if TYPE_CHECKING:
    import pandas as pd

FILE = "MLmodel"

# The key under which each flavor that is taken names its file.
_FILES = {"sklearn": "pickled_model", "onnx": "data"}
_ONNX = "make an ONNX file of it, and import that: slipway import model.onnx NAME"
WAYS = {
    "catboost": f"{_ONNX} (model.save_model('model.onnx', format='onnx'))",
    "keras": f"{_ONNX} (model.export('model.onnx', format='onnx'), or tf2onnx)",
    "lightgbm": f"{_ONNX} (onnxmltools.convert_lightgbm); or slipway.save(the fitted LGBMClassifier, X, y, NAME)",
    "pytorch": f"{_ONNX} (torch.onnx.export, with a dynamic first dimension)",
    "tensorflow": f"{_ONNX} (tf2onnx)",
    "xgboost": f"{_ONNX} (onnxmltools.convert_xgboost); or slipway.save(the fitted XGBClassifier, X, y, NAME)",
}
"""The way to take a model of another library."""


class Saved(NamedTuple):
    """The file of a model, the columns that its signature names, and the rows of its example; both may be missing."""

    file: Path
    columns: list[str] | None
    example: pd.DataFrame | None


def read(folder: Path) -> Saved:
    """Read a folder with an `MLmodel`; raise `SlipwayError` for one of another flavor, and for a damaged one."""
    try:
        told = yaml.safe_load((folder / FILE).read_text(encoding="utf-8"))
        flavors: Mapping[str, Any] = told["flavors"]
        named = next((flavors[flavor][key] for flavor, key in _FILES.items() if flavor in flavors), None)
        columns = _columns(told.get("signature") or {})
        example = _path(folder, (told.get("saved_input_example_info") or {}).get("artifact_path"))
        file = _path(folder, named)
    except (yaml.YAMLError, UnicodeDecodeError, TypeError, KeyError, ValueError, AttributeError) as error:
        raise SlipwayError(f"{folder / FILE} cannot be read: {error}", fix="save the model by mlflow again") from error
    if file is None:
        kinds = ", ".join(sorted(set(flavors) - {"python_function"})) or "python_function"
        fix = next(
            (WAYS[each] for each in flavors if each in WAYS), "slipway.save(estimator, X, y, NAME) in a notebook"
        )
        raise SlipwayError(f"{folder} holds no model of scikit-learn or ONNX (flavors: {kinds})", fix=fix)
    if file.is_dir():  # newer folders have the file within another folder
        found = sorted(each for each in file.glob("*.onnx"))
        file = found[0] if len(found) == 1 else file
    return Saved(file, columns, None if example is None else _rows(example, columns))


def _path(folder: Path, name: str | None) -> Path | None:
    """Return a file in the folder; raise `SlipwayError` for one that is outside."""
    if not name:
        return None
    found = folder / name
    if not found.resolve().is_relative_to(folder.resolve()):
        raise SlipwayError(f"{folder / FILE} names {name!r}, which is outside of the folder")
    return found


def _columns(signature: Mapping[str, Any]) -> list[str] | None:
    """Return the names of the columns in a signature; None for tensors, which have a name each and not for columns."""
    inputs = json.loads(signature.get("inputs") or "[]")
    if not inputs or any(each.get("type") == "tensor" or "name" not in each for each in inputs):
        return None
    return [str(each["name"]) for each in inputs]


def _rows(path: Path, columns: list[str] | None) -> pd.DataFrame | None:
    """Return the rows of an example: of a DataFrame, an array, or an array for each input; None for any other."""
    import pandas as pd

    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SlipwayError(f"{path} cannot be read: {error}", fix="give rows of your own: --data FILE") from error
    found = found.get("inputs", found) if isinstance(found, dict) else found
    try:
        if isinstance(found, dict) and "data" in found:
            return pd.DataFrame(found["data"], columns=found.get("columns", columns))
        if isinstance(found, dict):
            return pd.DataFrame({name: pd.Series(values).explode() for name, values in found.items()}).infer_objects()
        if found and isinstance(found[0], dict):
            return pd.DataFrame(found)
        table = pd.DataFrame(found, columns=columns)
        return table if columns is not None else table.rename(columns=lambda place: f"x{place}")
    except ValueError as error:
        problem = f"the example in {path} is no table: {error}"
        raise SlipwayError(problem, fix="give rows of your own: --data FILE") from error
