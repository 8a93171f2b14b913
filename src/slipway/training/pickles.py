"""Estimators in files: pickles, also joblib's, and files of skops.

A pickle executes code of whoever made it. It is opened only after a written yes, in a process that has no variables and
no home of its caller, and comes back as a file of skops, which executes nothing.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from slipway import processes
from slipway.artifacts import estimators
from slipway.artifacts.trust import Trust
from slipway.errors import SlipwayError

_SKOPS = ".skops"
ENDINGS = (".joblib", ".pkl", ".pickle", _SKOPS)
_NO_TRUST = Trust(frozenset(), frozenset())
NOTEBOOK = "load it in a notebook, where you know what it is, and call slipway.save(estimator, X, y, model)"


def opened(file: Path, *, execute: bool) -> Any:
    """Return the estimator in a file; with `execute`, a pickle may be opened.

    Raise `SlipwayError` for a pickle without it, and for an estimator with types beyond those of scikit-learn.
    """
    if file.suffix == _SKOPS:
        content = file.read_bytes()
    elif not execute:
        problem = f"{file} is a pickle: to open it executes code of whoever made it"
        raise SlipwayError(problem, fix="if you trust them with this machine, say so: --execute-pickle")
    else:
        content = _converted(file)
    try:
        return estimators.load(estimators.settled(content), _NO_TRUST, str(file))
    except SlipwayError as error:
        raise SlipwayError(error.problem, fix=NOTEBOOK) from error


def _converted(file: Path) -> bytes:
    """Return the estimator in a pickle as a file of skops, made by a process without anything of this one."""
    with TemporaryDirectory(prefix="slipway-") as scratch:
        target = Path(scratch) / "estimator.skops"
        env = {"PATH": os.defpath, "HOME": scratch, "TMPDIR": scratch, "LANG": "C.UTF-8"}
        question = file.resolve(), target
        try:
            processes.ask(sys.executable, __name__, question, answer=bool, env=env, cwd=Path(scratch))
        except SlipwayError as error:
            raise SlipwayError(f"{file} cannot be opened: {error.problem}", fix=error.fix or NOTEBOOK) from error
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
