"""`slipway import`: a fitted model in a file or a folder of MLflow, taken as the folder of a model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from slipway.errors import SlipwayError
from slipway.models.data import write_table
from slipway.schema import tables
from slipway.settings import Settings
from slipway.training import folders, mlflow, pickles
from slipway.training.graph_files import take
from slipway.training.graph_tensors import Wishes
from slipway.training.notebooks import save

if TYPE_CHECKING:
    import pandas as pd

_ONNX = ".onnx"
_TAKEN = (*pickles.ENDINGS, _ONNX)
# The libraries that write files with these endings.
_OF_LIBRARIES = {
    ".bst": "xgboost",
    ".cbm": "catboost",
    ".h5": "keras",
    ".json": "xgboost",
    ".keras": "keras",
    ".lgb": "lightgbm",
    ".pb": "tensorflow",
    ".pt": "pytorch",
    ".pth": "pytorch",
    ".txt": "lightgbm",
    ".ubj": "xgboost",
}


class Taken(NamedTuple):
    """The folder that was made, and what its maker has to know, in lines."""

    folder: Path
    told: Sequence[str] = ()


def import_file(
    path: Path,
    model: str,
    data: Path | None,
    targets: Sequence[str],
    *,
    settings: Settings,
    execute: bool = False,
    wishes: Wishes = Wishes(),  # noqa: B008 - it cannot be changed
) -> Taken:
    """Write the folder of a model for a file; `data` are rows to measure it on, by default MLflow's example.

    With `execute`, a pickle may be opened. `wishes` are for graphs. Raise `SlipwayError` for a pickle without it, for a
    file of another kind, for one without rows, and for an estimator with types beyond those of scikit-learn.
    """
    folder = folders.vacant(settings, model)
    saved = _found(path)
    if saved.file.suffix == _ONNX:
        with TemporaryDirectory(prefix="slipway-") as scratch:
            table = data or _written(saved, Path(scratch), folder.name)
            wishes = msgspec.structs.replace(wishes, targets=targets, columns=saved.columns)
            return Taken(folder, take(saved.file, folder, model, table, wishes))
    if given := wishes.given():
        raise SlipwayError(f"{given} is for ONNX files", fix="leave it out: an estimator knows its columns and classes")
    estimator = pickles.opened(saved.file, execute=execute)
    rows = tables.read(data, ()) if data is not None else saved.example
    if rows is None:
        raise _no_rows(saved.file)
    return Taken(_save(estimator, rows, str(data or saved.file), model, targets, settings))


def _found(path: Path) -> mlflow.Saved:
    """Return the file with the model; raise `SlipwayError` when there is none of a kind that is taken."""
    saved = mlflow.read(path) if (path / mlflow.FILE).is_file() else mlflow.Saved(path, None, None)
    if not saved.file.is_file():
        problem = f"there is no model at {saved.file}"
        if saved.file.is_dir():
            problem = f"{saved.file} is a folder without {mlflow.FILE}"
        raise SlipwayError(problem, fix=f"give a file ({', '.join(_TAKEN)}) or a folder of mlflow.*.save_model")
    if saved.file.suffix not in _TAKEN:
        library = _OF_LIBRARIES.get(saved.file.suffix, "")
        fix = mlflow.WAYS.get(library) or pickles.NOTEBOOK
        raise SlipwayError(f"{saved.file} is no {', '.join(_TAKEN)}", fix=fix)
    return saved


def _written(saved: mlflow.Saved, folder: Path, name: str) -> Path:
    """Write the rows of an example to a file."""
    if saved.example is None:
        raise _no_rows(saved.file)
    return write_table(saved.example.rename(columns=str), folder, name)


def _no_rows(file: Path) -> SlipwayError:
    problem = f"there are no rows to ask {file} for: every release has to reproduce answers that are known"
    return SlipwayError(problem, fix="give some: --data FILE (CSV, TSV or Parquet), and --target COLUMN to measure it")


def _save(
    estimator: object, table: pd.DataFrame, named: str, model: str, targets: Sequence[str], settings: Settings
) -> Path:
    known = getattr(estimator, "feature_names_in_", None)
    table = tables.respelled(table, [*targets, *(() if known is None else map(str, known))])
    if missing := [name for name in targets if name not in table]:
        raise SlipwayError(f"{named} has no column {missing[0]!r}", fix=f"it has {', '.join(map(str, table))}")
    names = [name for name in table if name not in targets] if known is None else list(known)
    if lacking := [name for name in names if name not in table]:
        raise SlipwayError(f"{named} has no column {lacking[0]!r}, which the estimator was fitted on")
    truth = None if not targets else table[list(targets)] if targets[1:] else table[targets[0]]
    rows = table[names] if known is not None else table[names].to_numpy()
    return save(estimator, rows, truth, model, root=settings.root)
