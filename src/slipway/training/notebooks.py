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
from slipway.artifacts.values import PredictionError, to_json
from slipway.errors import SlipwayError
from slipway.model import PREDICTION, FittedModel, fields_in, kind_of, named
from slipway.models.data import records, write_table
from slipway.schema import Field, tables
from slipway.settings import load
from slipway.text import one_line, quoted
from slipway.training import folders
from slipway.training.folders import Fitted
from slipway.training.given import features_of, is_records, truth_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["save"]

_MOST_ASKED = 1000


def save(
    estimator: Any, rows: Any, truth: Any, model: str, *, replace: bool = False, root: Path | str | None = None
) -> Path:
    """Write the folder `model/<model>` for a fitted estimator, and return it: `slipway.save(estimator, X, y, "wine")`.

    `rows` and `truth` are some that the estimator was not fitted on: all of them evaluate it. With `truth` None there
    are no metrics. `replace` overwrites the files of an earlier call; `root` is the repository, by default the one
    around here. Raise `SlipwayError` when the estimator cannot be saved, or would answer otherwise from its file.
    """
    folder = folders.vacant(load(Path(root) if root else None), model, replace=replace)
    features, targets = features_of(estimator, rows), truth_of(truth)
    _check(estimator, features, targets)
    takes_texts = _takes_texts(estimator, features)
    given = features.iloc[:, 0] if takes_texts else features if is_records(rows) else rows
    own, trusted = _types(estimator)
    trust = Trust(frozenset(own), frozenset(trusted))
    content = estimators.dump(estimator, trust, "the estimator")
    kind = _kind(model, _names(features), [] if targets is None else _names(targets), trusted)
    kind.takes_texts = takes_texts
    with TemporaryDirectory() as scratch:
        file = write_table(features if targets is None else features.join(targets), Path(scratch), folder.name)
        saved = estimators.load(content, trust, "the estimator")
        data = tables.respelled(tables.read(file, ()), named(kind))
        _check_answers(kind, saved, _asked(estimator, given[:_MOST_ASKED]), data)
        packages = ["sklearn", *_packages(content)]
        folders.write(folder, Fitted(kind, content, file, _module(kind, own, estimator), packages))
    return folder


def _names(table: pd.DataFrame) -> list[str]:
    return [str(name) for name in table]


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


def _takes_texts(estimator: Any, features: pd.DataFrame) -> bool:
    """Return True for an estimator that takes texts themselves.

    It would take a table for as many texts as that has columns, so two rows of one column show it.
    """
    if len(features.columns) != 1 or kind_of(features.iloc[:, 0]) != "string":
        return False
    try:
        return len(_answers(estimator, features.iloc[[0, 0]])) != 2
    except Exception:  # noqa: BLE001 - then the answers to the texts tell
        return True


def _answers(estimator: Any, rows: Any) -> list[Any]:
    ask = getattr(estimator, "predict", None) or estimator.transform
    found = ask(rows)
    found = found.toarray() if hasattr(found, "toarray") else getattr(found, "values", found)
    return found.tolist()  # type: ignore[no-any-return]


def _asked(estimator: Any, rows: Any) -> list[Any]:
    """Return the answers of an estimator; raise `SlipwayError` when it gives none."""
    try:
        return _answers(estimator, rows)
    except Exception as error:
        said = quoted(one_line(str(error)), 300)
        problem = f"the estimator does not predict these rows: {type(error).__name__}: {said}"
        fix = "fit it first, and give rows with the columns that it was fitted on, in their order"
        raise SlipwayError(problem, fix=fix) from error


def _check_answers(kind: type[FittedModel], saved: Any, answers: list[Any], data: pd.DataFrame) -> None:
    """Raise `SlipwayError` when the saved estimator answers the rows of the file otherwise than `answers`."""
    names, targets = list(kind.source_features), kind.target_variable
    model = kind()
    model.fitted = saved
    model._learned = fields_in(data[names])  # noqa: SLF001
    asked = records(data[names].head(len(answers)), names)
    if isinstance(targets, str):
        one = bool(targets) and all(isinstance(answer, list) and len(answer) == 1 for answer in answers)
        expected = [answer[0] for answer in answers] if one else answers
    else:
        expected = [dict(zip(targets, values, strict=True)) for values in answers] if targets else answers
    try:
        found = to_json(model.predict(asked), len(asked), Field(name=PREDICTION, kind="any"))
    except PredictionError as error:
        fix = "save an estimator that predicts one value, or a list of numbers, for each row"
        raise SlipwayError(f"it cannot be served: {error}", fix=fix) from error
    if wrong := differences(Golden(rows=asked, predictions=expected), found, kind.tolerance):
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
    if kind.takes_texts:
        lines += ["    takes_texts = True"]
    if kind.trusted_types:
        lines += folders.declared("trusted_types", kind.trusted_types)
    return "\n".join(lines) + "\n"
