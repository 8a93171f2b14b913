"""A saved estimator (joblib, pickle, skops, or a folder of MLflow) imported as the folder of a model.

A pickle executes code of whoever made it. It is opened only after a written yes, in a process that has no variables and
no home of its caller, and comes back as a file of skops, which executes nothing.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from slipway import processes
from slipway.artifacts import estimators
from slipway.artifacts.trust import Trust
from slipway.errors import SlipwayError
from slipway.schema import tables
from slipway.settings import Settings
from slipway.training.notebooks import save

_PICKLES = (".joblib", ".pkl", ".pickle")
_MLFLOW = "MLmodel"
_SKOPS = ".skops"
_NO_TRUST = Trust(frozenset(), frozenset())
_NOTEBOOK = "load it in a notebook, where you know what it is, and call slipway.save(estimator, X, y, model)"


def import_file(
    path: Path, model: str, data: Path, targets: Sequence[str], *, settings: Settings, execute: bool = False
) -> Path:
    """Write the folder of a model for the estimator in a file, and return it; `data` are rows to measure it on.

    With `execute`, a pickle may be opened. Raise `SlipwayError` for a pickle without it, for a file of another kind,
    and for an estimator with types beyond those of scikit-learn.
    """
    file = _file_in(path)
    if file.suffix == _SKOPS:
        content = file.read_bytes()
    elif not execute:
        problem = f"{file} is a pickle: to open it executes code of whoever made it"
        raise SlipwayError(problem, fix="if you trust them with this machine, say so: --execute-pickle")
    else:
        content = _converted(file)
    try:
        estimator = estimators.load(estimators.settled(content), _NO_TRUST, str(file))
    except SlipwayError as error:
        raise SlipwayError(error.problem, fix=_NOTEBOOK) from error
    table = tables.read(data, ())
    if missing := [name for name in targets if name not in table]:
        raise SlipwayError(f"{data} has no column {missing[0]!r}", fix=f"it has {', '.join(map(str, table))}")
    known = getattr(estimator, "feature_names_in_", None)
    names = [name for name in table if name not in targets] if known is None else list(known)
    if lacking := [name for name in names if name not in table]:
        raise SlipwayError(f"{data} has no column {lacking[0]!r}, which the estimator was fitted on")
    truth = None if not targets else table[list(targets)] if targets[1:] else table[targets[0]]
    rows = table[names] if known is not None else table[names].to_numpy()
    return save(estimator, rows, truth, model, root=settings.root)


def _file_in(path: Path) -> Path:
    """Return the file with the estimator: the given one, or that of an MLflow folder."""
    if path.is_dir() and (path / _MLFLOW).is_file():
        flavors = (yaml.safe_load((path / _MLFLOW).read_text(encoding="utf-8")) or {}).get("flavors") or {}
        named = (flavors.get("sklearn") or {}).get("pickled_model")
        if not named or not (file := path / str(named)).resolve().is_relative_to(path.resolve()):
            kinds = ", ".join(sorted(flavors)) or "none"
            raise SlipwayError(f"{path} holds no estimator of scikit-learn (flavors: {kinds})", fix=_NOTEBOOK)
    else:
        file = path
    if not file.is_file():
        fix = f"give a file ({', '.join((*_PICKLES, _SKOPS))}) or a folder of mlflow.sklearn.save_model"
        raise SlipwayError(f"there is no estimator at {file}", fix=fix)
    if file.suffix not in (*_PICKLES, _SKOPS):
        raise SlipwayError(f"{file} is no {', '.join((*_PICKLES, _SKOPS))}", fix=_NOTEBOOK)
    return file


def _converted(file: Path) -> bytes:
    """Return the estimator in a pickle as a file of skops, made by a process without anything of this one."""
    with TemporaryDirectory(prefix="slipway-") as scratch:
        target = Path(scratch) / "estimator.skops"
        env = {"PATH": os.defpath, "HOME": scratch, "TMPDIR": scratch, "LANG": "C.UTF-8"}
        question = file.resolve(), target
        try:
            processes.ask(sys.executable, __name__, question, answer=bool, env=env, cwd=Path(scratch))
        except SlipwayError as error:
            raise SlipwayError(f"{file} cannot be opened: {error.problem}", fix=error.fix or _NOTEBOOK) from error
        return target.read_bytes()


def answer(question: tuple[Path, Path]) -> bool:
    """Open a pickle and write it as a file of skops."""
    import joblib  # type: ignore[import-untyped]
    import skops.io
    from sklearn.exceptions import InconsistentVersionWarning

    source, target = question
    with warnings.catch_warnings():
        warnings.simplefilter("error", InconsistentVersionWarning)
        try:
            estimator: Any = joblib.load(source)
        except InconsistentVersionWarning as error:
            made, here = error.original_sklearn_version, error.current_sklearn_version
            problem = f"it was made by scikit-learn {made}, and {here} is installed, which may answer otherwise"
            raise SlipwayError(problem, fix=f"install scikit-learn=={made}, or fit it again") from error
    target.write_bytes(skops.io.dumps(estimator))
    return True
