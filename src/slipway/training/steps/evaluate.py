"""Step `evaluate`: metrics on the held-out rows, the gates, golden predictions, and the tests of the served model."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from slipway import files
from slipway.artifacts import manifest
from slipway.artifacts.golden import Golden, differences
from slipway.artifacts.loading import Loaded, load
from slipway.artifacts.saving import save_golden
from slipway.artifacts.values import PredictionError, to_json
from slipway.errors import SlipwayError
from slipway.model import InputError, Model
from slipway.models import model_tests
from slipway.models.data import records, truth_in
from slipway.models.discovery import blame
from slipway.settings.types import secrets_for
from slipway.store.records import SecondFit
from slipway.training import deployed
from slipway.training.metrics import joined, judge, measured, own
from slipway.training.task import Workspace

_GOLDEN_ROWS = 20
# Rows that are asked alone. A slow model is asked no longer than these seconds, but so many rows at least.
_MOST_ALONE, _FEWEST_ALONE, _LONGEST_ALONE = 200, 20, 5.0


def run(workspace: Workspace) -> str:
    """Write `metrics.json`, and add golden predictions to the artifact.

    Raise `SlipwayError` when a gate is missed, when predicting or measuring fails, when a metric is no finite number,
    and when a test of the model fails against the served model.
    """
    task, gates = workspace.task, workspace.model.gates
    loaded = load(workspace.folder / "artifact")
    fresh = _answered(workspace, loaded)
    rows, predictions = list(fresh.rows), list(fresh.predictions)
    alone = _ask_alone(workspace, loaded, rows, predictions)
    measure = partial(_measure, workspace, loaded)
    metrics = measure(fresh.truth, predictions, rows, "the fresh model")
    unsteady = _measure_again(workspace, loaded, metrics, partial(measure, fresh.truth, predictions, rows))
    before = deployed.record(workspace.settings, task.model, task.environment)
    compared = deployed.compare(workspace.settings, gates, before, fresh, measure)
    verdicts = judge(gates, metrics, compared.before, compared.fresh)
    if missed := [str(verdict) for verdict in verdicts if verdict.missed_by]:
        fix = f"train it better, or change models.{task.model}.gates in slipway.yaml; nothing was published"
        raise SlipwayError("a gate is missed: " + "; ".join(missed), fix=fix)
    chosen = _chosen(predictions)
    golden = Golden(rows=[rows[at] for at in chosen], predictions=[predictions[at] for at in chosen])
    save_golden(golden, workspace.folder / "artifact")
    readme = workspace.settings.folder(task.model) / "README.md"
    text = readme.read_text(encoding="utf-8", errors="replace") if readme.is_file() else ""
    manifest.write_card(manifest.ModelCard(metrics, text), workspace.folder / "artifact")
    content = {"metrics": metrics, "gates": verdicts, "deployed": before and str(before.id), "before": compared.before}
    workspace.write("metrics.json", content)
    _write_scores(metrics, workspace.folder / "scores")
    served = _serve(workspace)
    line = ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
    return f"{line or 'no metrics'}{compared.words}; {alone} rows alike alone and among others; {served}{unsteady}"


def _answered(workspace: Workspace, loaded: Loaded) -> deployed.Fresh:
    """Return the rows that are held out, their targets, and the predictions."""
    schema, data = loaded.schema, workspace.data()
    file, out = workspace.folder / workspace.read("data.json")["file"], workspace.held_out(data)
    rows, names = records(data[out], schema.names), [target.name for target in schema.targets]
    found = [loaded.model.outcome(value) for value in truth_in(data[out], names)]
    truth = to_json(found, len(found), schema.target)
    return deployed.Fresh(schema, data, out, file, rows, truth, _predict(workspace, loaded, rows))


def _predict(workspace: Workspace, loaded: Loaded, rows: list[Any]) -> list[Any]:
    try:
        return loaded.answer(rows)
    except SlipwayError:
        raise
    except Exception as error:
        raise SlipwayError(f"predicting fails: {_blame(workspace, error)}", fix=_advice(error, loaded)) from error


def _ask_alone(workspace: Workspace, loaded: Loaded, rows: list[Any], predictions: list[Any]) -> int:
    """Ask rows backwards, and some of them alone; return how many these are.

    Rows with missing values come first, because a table of one row guesses other types. Raise `SlipwayError` when a row
    is answered otherwise than among all of them.
    """
    _hold(loaded, rows, predictions, _predict(workspace, loaded, rows[::-1])[::-1], "in another order")
    places = sorted(range(len(rows)), key=lambda at: (None not in rows[at].values(), at))[:_MOST_ALONE]
    ends = time.monotonic() + _LONGEST_ALONE
    asked = 0
    for at in places:
        _hold(loaded, [rows[at]], [predictions[at]], _predict(workspace, loaded, [rows[at]]), "alone")
        asked += 1
        if asked >= _FEWEST_ALONE and time.monotonic() > ends:
            break
    return asked


def _hold(loaded: Loaded, rows: Sequence[Any], among: Sequence[Any], found: Sequence[Any], how: str) -> None:
    """Raise `SlipwayError` for the first row that is answered otherwise than among others."""
    for row, known, told in zip(rows, among, found, strict=True):
        if wrong := differences(Golden(rows=[row], predictions=[known]), [told], loaded.manifest.tolerance):
            missing = ", ".join(name for name, value in row.items() if value is None)
            problem = (
                f"a row is answered otherwise {how} than among others: {wrong[0].removeprefix('row 0: ')}\n  {row}"
            )
            fix = "predict each row by itself, without counters and chance, and make tables by `frame(self, rows)`"
            raise SlipwayError(problem, fix=f"{fix}, for rows without {missing} too" if missing else fix)


def _advice(error: Exception, loaded: Loaded) -> str:
    """Return what to do about a model that fails on rows that are held out."""
    if isinstance(error, PredictionError):
        return "return a list with one value of the target for each row, or a dict that has it under the target's name"
    if isinstance(error, InputError):
        return "the model refuses rows of its own data: take them out, or have it answer them"
    name = str(error.name) if isinstance(error, AttributeError) and error.obj is loaded.model else ""
    if name[:1] == "_":
        return f"names that begin with _ are not saved with a model: call it {name.lstrip('_')}"
    return "see `predict` in the model's class: it gets rows as callers send them, which the training did not fit on"


def _blame(workspace: Workspace, error: Exception) -> str:
    return blame(error, workspace.settings.root, workspace.folder / "artifact" / "code")


def _measure(
    workspace: Workspace,
    loaded: Loaded,
    truth: Sequence[Any],
    predictions: Sequence[Any],
    rows: Sequence[Any],
    whose: str,
) -> dict[str, float]:
    for prediction in predictions:
        _check_named(loaded, prediction)
    try:
        known = measured(loaded.model, loaded.schema, truth, predictions)
        given = own(loaded.model, loaded.schema, truth, predictions, rows)
        metrics = joined(known, given, f"{type(loaded.model).__name__}.metrics")
    except SlipwayError:
        raise
    except Exception as error:
        raise SlipwayError(f"measuring fails: {_blame(workspace, error)}") from error
    for name, value in metrics.items():
        if not math.isfinite(value):  # no gate would ever miss it
            fix = "have `metrics` in the model's class give a finite number whatever is predicted, or leave it out"
            raise SlipwayError(f"the metric {name!r} of {whose} is {value}, which is no finite number", fix=fix)
    return metrics


def _measure_again(
    workspace: Workspace, loaded: Loaded, metrics: Mapping[str, float], measure: Callable[[str], dict[str, float]]
) -> str:
    """Return which metrics of the model's own are others each time, and let the record say so.

    The artifact holds metrics, too.
    """
    if type(loaded.model).metrics is Model.metrics:
        return ""
    again = measure("the fresh model, measured again,")
    if not (names := sorted(name for name in metrics.keys() | again.keys() if metrics.get(name) != again.get(name))):
        return ""
    known = workspace.read("fit.json")
    found = msgspec.convert(known["second_fit"] or {"result": "same"}, SecondFit)
    differing = sorted({*found.files, manifest.METRICS})
    known["second_fit"] = msgspec.structs.replace(found, result="different", files=differing)
    workspace.write("fit.json", known)
    words = ", ".join(names)
    return f"\n    mind: {words}: another figure each time that it is measured; give `metrics` a seed of its own"


def _check_named(loaded: Loaded, prediction: Any) -> None:
    """Raise `SlipwayError` for a dict without the target's value."""
    found, target = loaded.schema.outcome(prediction), loaded.schema.target.name
    if found is None and isinstance(prediction, dict) and target not in prediction:
        problem = f"predict gives {', '.join(prediction)}, and nothing named {target!r}"
        raise SlipwayError(problem, fix=f"put what is predicted into the dict under the target's own name, {target!r}")


def _write_scores(metrics: Mapping[str, float], folder: Path) -> None:
    """Write a file for each metric, because Argo reads whole files only; names like `price/r2` have no gauge."""
    folder.mkdir(exist_ok=True)
    for name, value in metrics.items():
        if "/" not in name:
            files.write(folder / name, repr(value).encode())


def _chosen(predictions: Sequence[Any]) -> list[int]:
    """Return the places of the golden rows: each outcome in turn, so that a rare one is among them."""
    places: dict[str, list[int]] = {}
    for at, prediction in enumerate(predictions):
        places.setdefault(str(prediction), []).append(at)
    turns = sorted((turn, at) for group in places.values() for turn, at in enumerate(group))
    return sorted(at for _, at in turns[:_GOLDEN_ROWS])


def _serve(workspace: Workspace) -> str:
    """Start the fresh model as its release will start, and run the model's tests that ask for its URL.

    It runs in the serving environment, which lacks what only training needs: a mistake shows before the release.
    """
    from slipway.images import bundle, running

    settings, name = workspace.settings, workspace.task.model
    if workspace.model.image is not None:
        return "as the container answers"
    with TemporaryDirectory() as scratch:
        made = bundle.make_local(settings, name, workspace.folder / "artifact", Path(scratch) / "bundle")
        env = running.limit_variables(workspace.model.within(workspace.task.environment))
        with running.serve(made, secrets_for(workspace.model.secrets, "serving"), env=env) as url:
            if not model_tests.use_served_url(settings, name):
                return "it starts and keeps its golden predictions"
            fix = f"see model.py and the test; slipway train {name} runs it again"
            said = model_tests.run(settings, name, f"--served-url={url}", fix=fix)
            return f"served: {said}"
