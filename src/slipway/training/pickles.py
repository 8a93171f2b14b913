"""Estimators in files: pickles, also joblib's, and files of skops.

A pickle executes code of whoever made it. It is opened only after a written yes, in a process that has no variables and
no home of its caller, and comes back as a file of skops, which executes nothing.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from slipway import processes
from slipway.artifacts import estimators
from slipway.artifacts.trust import Trust
from slipway.errors import SlipwayError

_SKOPS = ".skops"
ENDINGS = (".joblib", ".pkl", ".pickle", _SKOPS)
_VERSION = "install scikit-learn"
_NO_TRUST = Trust(frozenset(), frozenset())
NOTEBOOK = "load it in a notebook, where you know what it is, and call slipway.save(estimator, X, y, model)"


def opened(file: Path, *, execute: bool) -> Any:
    """Return the estimator in a file; with `execute`, a pickle may be opened.

    Raise `SlipwayError` for a pickle without it, for a damaged file, and for an estimator of another version of
    scikit-learn or with types beyond those of scikit-learn.
    """
    if file.suffix == _SKOPS:
        content = file.read_bytes()
    elif not execute:
        problem = f"{file} is a pickle: to open it executes code of whoever made it"
        raise SlipwayError(problem, fix="if you trust them with this machine, say so: --execute-pickle")
    else:
        content = _converted(file)
    try:
        found = _same_version(lambda: estimators.load(estimators.settled(content), _NO_TRUST, str(file)))
    except SlipwayError as error:
        raise SlipwayError(error.problem, fix=error.fix if _VERSION in error.fix else NOTEBOOK) from error
    except Exception as error:
        problem = f"{file} is no file of skops, or not all of one: {type(error).__name__}: {error}"
        raise SlipwayError(problem, fix="save it again: skops.io.dump(estimator, file)") from error
    if not hasattr(found, "predict") and not hasattr(found, "transform"):
        problem = f"{file} holds a {type(found).__name__}, which has neither predict nor transform"
        raise SlipwayError(problem, fix=NOTEBOOK)
    return found


def _same_version(load: Callable[[], Any]) -> Any:
    """Return what `load` returns; raise `SlipwayError` for an estimator of another version of scikit-learn."""
    from sklearn.exceptions import InconsistentVersionWarning

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", InconsistentVersionWarning)
        found = load()
    for each in told:
        if isinstance(each.message, InconsistentVersionWarning):
            made, here = each.message.original_sklearn_version, each.message.current_sklearn_version
            problem = f"it was made by scikit-learn {made}, and {here} is installed, which may answer otherwise"
            raise SlipwayError(problem, fix=f"{_VERSION}=={made}, or fit it again")
    return found


def _converted(file: Path) -> bytes:
    """Return the estimator in a pickle as a file of skops, made by a process without anything of this one."""
    with TemporaryDirectory(prefix="slipway-") as scratch:
        folder = Path(scratch)
        question = file.resolve(), (target := folder / "estimator.skops")
        try:
            processes.ask(sys.executable, __name__, question, answer=bool, env=processes.bare(folder), cwd=folder)
        except SlipwayError as error:
            raise SlipwayError(f"{file} cannot be opened: {error.problem}", fix=error.fix or NOTEBOOK) from error
        return target.read_bytes()


def answer(question: tuple[Path, Path]) -> bool:
    """Open a pickle and write it as a file of skops."""
    import joblib  # type: ignore[import-untyped]
    import skops.io

    source, target = question
    target.write_bytes(skops.io.dumps(_same_version(lambda: joblib.load(source))))
    return True
