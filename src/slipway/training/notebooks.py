"""A fitted estimator, as in a notebook, written as the folder of a model that trains nothing more."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from slipway.artifacts import estimators
from slipway.artifacts.golden import Golden, differences
from slipway.artifacts.trust import CLASSES, FUNCTIONS, Trust
from slipway.artifacts.values import to_json
from slipway.errors import SlipwayError
from slipway.model import PREDICTION, FittedModel, fields_in
from slipway.models.data import records, write_table
from slipway.schema import Field, tables
from slipway.settings import load
from slipway.training import folders
from slipway.training.folders import Fitted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["save"]

_MOST_ASKED = 1000
_TARGET = "target"


def save(estimator: Any, rows: Any, truth: Any, model: str, *, replace: bool = False, root: Path | None = None) -> Path:
    """Write the folder `model/<model>` for a fitted estimator, and return it: `slipway.save(estimator, X, y, "wine")`.

    `rows` and `truth` are some that the estimator was not fitted on: all of them evaluate it. With `truth` None there
    are no metrics. `replace` overwrites the files of an earlier call; `root` is the repository, by default the one
    around here. Raise `SlipwayError` when the estimator cannot be saved, or would answer otherwise from its file.
    """
    folder = folders.vacant(load(root), model, replace=replace)
    features, targets = _features(estimator, rows), _targets(truth)
    _check(estimator, features, targets)
    own, trusted = _types(estimator)
    trust = Trust(frozenset(own), frozenset(trusted))
    content = estimators.dump(estimator, trust, "the estimator")
    kind = _kind(model, _names(features), [] if targets is None else _names(targets), trusted)
    with TemporaryDirectory() as scratch:
        file = write_table(features if targets is None else features.join(targets), Path(scratch), folder.name)
        saved = estimators.load(content, trust, "the estimator")
        _check_answers(kind, saved, estimator, rows, tables.read(file, ()))
        packages = ["sklearn", *_packages(content)]
        folders.write(folder, Fitted(kind, content, file, _module(kind, own, estimator), packages))
    return folder


def _names(table: pd.DataFrame) -> list[str]:
    return [str(name) for name in table]


def _features(estimator: Any, rows: Any) -> pd.DataFrame:
    import pandas as pd

    if isinstance(rows, pd.DataFrame):
        found = rows.reset_index(drop=True)
    else:
        table = pd.DataFrame(rows)
        names = getattr(estimator, "feature_names_in_", [f"x{place}" for place in range(table.shape[1])])
        found = table.set_axis([str(name) for name in names], axis=1)
    if odd := [name for name in found if not isinstance(name, str)]:
        raise SlipwayError(
            f"the column {odd[0]!r} has no text as its name", fix="rows.columns = rows.columns.astype(str)"
        )
    return found.apply(_plain)


def _targets(truth: Any) -> pd.DataFrame | None:
    import pandas as pd

    if truth is None:
        return None
    if isinstance(truth, pd.DataFrame):
        return truth.reset_index(drop=True).apply(_plain)
    column = truth if isinstance(truth, pd.Series) else pd.Series(list(truth))
    name = column.name if isinstance(column.name, str) else _TARGET
    return _plain(column.reset_index(drop=True)).to_frame(name)


def _plain(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column as a file gives it again: float64 for other fractions, values in place of categories."""
    if column.dtype.kind == "f":
        return column.astype("float64")
    return column.astype(object) if str(column.dtype) == "category" else column


def _check(estimator: Any, features: pd.DataFrame, targets: pd.DataFrame | None) -> None:
    if not hasattr(estimator, "predict") and not hasattr(estimator, "transform"):
        name = type(estimator).__name__
        raise SlipwayError(f"{name} has neither predict nor transform", fix="save an estimator that was fitted")
    if not len(features):
        raise SlipwayError("there are no rows", fix="give some that the estimator was not fitted on")
    if targets is None:
        return
    if len(targets) != len(features):
        problem = f"{len(features)} rows and {len(targets)} values of {', '.join(map(str, targets))}"
        raise SlipwayError(problem, fix="give one value for each row")
    if twice := [name for name in _names(targets) if name in features]:
        problem = f"{', '.join(twice)} is among the rows and is what they predict"
        raise SlipwayError(problem, fix="leave it out of the rows")


def _types(estimator: Any) -> tuple[list[str], list[str]]:
    """Return the repository's modules whose classes the estimator holds, and the full names of types of libraries.

    Raise `SlipwayError` for a class or a function of the notebook itself.
    """
    import skops.io

    try:
        names = set(skops.io.get_untrusted_types(data=skops.io.dumps(estimator))) - CLASSES - FUNCTIONS
    except Exception as error:
        raise SlipwayError(f"{type(estimator).__name__} cannot be saved: {error}") from error
    own, trusted = set(), set()
    for name in sorted(names):
        module = name.rpartition(".")[0]
        top = module.partition(".")[0]
        if top == "model":
            own.add(module)
        elif "<" in name or top not in metadata.packages_distributions():
            problem = f"the estimator holds {name}, which no module of the repository or of a package has"
            raise SlipwayError(problem, fix="write it in model/common/NAME.py, import it from there, and fit again")
        else:
            trusted.add(name)
    return sorted(own), sorted(trusted)


def _kind(model: str, features: Sequence[str], targets: Sequence[str], trusted: Sequence[str]) -> type[FittedModel]:
    own = {
        "source_features": features,
        "target_variable": targets[0] if len(targets) == 1 else targets,
        "trusted_types": trusted,
    }
    return type(folders.class_name(model), (FittedModel,), own)


def _check_answers(kind: type[FittedModel], saved: Any, estimator: Any, rows: Any, data: pd.DataFrame) -> None:
    """Raise `SlipwayError` when the saved estimator answers the rows of the file otherwise than the given one."""
    names, targets = list(kind.source_features), kind.target_variable
    model = kind()
    model.fitted = saved
    model._learned = fields_in(data[names])  # noqa: SLF001
    given = rows[:_MOST_ASKED]
    ask = getattr(estimator, "predict", None) or estimator.transform
    found = ask(given)
    found = found.toarray() if hasattr(found, "toarray") else getattr(found, "values", found)
    expected = found.tolist()
    if not isinstance(targets, str) and len(targets) > 1:
        expected = [dict(zip(targets, values, strict=True)) for values in expected]
    asked = records(data[names].head(len(expected)), names)
    answers = to_json(model.predict(asked), len(asked), Field(name=PREDICTION, kind="any"))
    if wrong := differences(Golden(rows=asked, predictions=expected), answers, kind.tolerance):
        problem = f"from its file the estimator answers otherwise: {wrong[0]}"
        raise SlipwayError(problem, fix="fit it on a DataFrame whose numbers are float64 and whose texts are text")


def _packages(content: bytes) -> list[str]:
    """Return the top packages of the types in a file of skops."""
    return sorted(
        {name.partition(".")[0] for name in estimators.modules(content)} - {"model"} - sys.stdlib_module_names
    )


def _module(kind: type[FittedModel], own: Sequence[str], estimator: Any) -> str:
    """Return the text of the model's module."""
    lines = [f"import {module}  # noqa: F401 - its classes are in the estimator" for module in own]
    lines += ["from slipway.model import FittedModel", "", "", f"class {kind.__name__}(FittedModel):"]
    fitted = f"A {type(estimator).__name__} that was fitted elsewhere."
    lines += [f'    """{kind.__name__}: say here what is predicted, from what, for whom. {fitted}"""', ""]
    lines += folders.declared("source_features", kind.source_features)
    if kind.target_variable:
        lines += folders.declared("target_variable", kind.target_variable)
    if kind.trusted_types:
        lines += folders.declared("trusted_types", kind.trusted_types)
    return "\n".join(lines) + "\n"
