"""Step `evaluate`: metrics on the held-out rows, golden predictions, the gates, and the model's served tests."""

from __future__ import annotations

import math
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from slipway import files
from slipway.artifacts import card, manifest
from slipway.artifacts.answers import to_json
from slipway.artifacts.golden import Golden
from slipway.artifacts.loading import SCHEMA, Loaded, load
from slipway.artifacts.saving import save_golden
from slipway.errors import SlipwayError
from slipway.models import tests
from slipway.models.discovery import blame
from slipway.models.rows import held_out, plain, records
from slipway.schema import Schema
from slipway.store import store_of
from slipway.training import deployed, gates
from slipway.training.metrics import measure, unlike

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from slipway.schema import Field
    from slipway.store import Record
    from slipway.training.run import Run

__all__ = ["run"]

_GOLDEN_ROWS = 20


def run(run: Run) -> str:
    """Leave `metrics.json` and complete the artifact with its golden predictions.

    Raises `SlipwayError` when a gate is missed (which figure, by how much), when predicting or measuring fails, when
    a metric is no finite number, and when one of the model's tests fails against the served model.
    """
    loaded = load(run.folder / "artifact")
    rows, truth = _held_out(run, loaded)
    predictions = _predict(run, loaded, rows)
    metrics = _measure(run, loaded, truth, predictions, "the fresh model")
    before = deployed.record(run.settings, run.about.model, run.about.environment)
    compared = _compared(run, loaded, before, rows, truth)
    verdicts = gates.judge(run.model.gates, metrics, compared)
    missed = [str(verdict) for verdict in verdicts if verdict.missed_by]
    if missed:
        fix = f"train it better, or change models.{run.about.model}.gates in slipway.yaml; nothing was published"
        raise SlipwayError("a gate is missed: " + "; ".join(missed), fix=fix)
    chosen = _chosen(predictions)
    saved = Golden(rows=[rows[at] for at in chosen], predictions=[predictions[at] for at in chosen])
    save_golden(saved, run.folder / "artifact")
    card.write(card.About(metrics, _card(run)), run.folder / "artifact")
    run.write(
        "metrics.json",
        {"metrics": metrics, "gates": verdicts, "deployed": before and str(before.id), "before": compared},
    )
    _leave(metrics, run.folder / "scores")
    served = _serve(run)
    return (
        ", ".join(f"{name} {value:.4g}" for name, value in metrics.items())
        + f"{_against(run, before, compared)}; {served}"
    )


def _held_out(run: Run, loaded: Loaded) -> tuple[list[dict[str, Any]], list[Any]]:
    schema = loaded.schema
    data = run.data()
    out = data[held_out(data, [*schema.names, schema.target.name], run.model.held_out)]
    truth = [loaded.model.outcome(plain(value)) for value in out[schema.target.name].tolist()]
    return records(out, schema.names), to_json(truth, len(out), schema.target)


def _predict(run: Run, loaded: Loaded, rows: list[Any]) -> list[Any]:
    try:
        return loaded.answer(rows)
    except SlipwayError:
        raise
    except Exception as error:
        raise SlipwayError(f"predicting fails: {_blame(run, error)}", fix=_not_saved(error, loaded)) from error


def _not_saved(error: Exception, loaded: Loaded) -> str:
    name = str(error.name) if isinstance(error, AttributeError) and error.obj is loaded.model else ""
    return f"names that begin with _ are not saved with a model: call it {name.lstrip('_')}" if name[:1] == "_" else ""


def _blame(run: Run, error: Exception) -> str:
    return blame(error, run.settings.root, run.folder / "artifact" / "code")


def _measure(run: Run, loaded: Loaded, truth: list[Any], predictions: list[Any], whose: str) -> dict[str, float]:
    found = [_outcome(loaded, prediction) for prediction in predictions]
    try:
        own = loaded.model.metrics(truth, found)
        metrics = measure(loaded.schema.target, truth, found) | {name: float(value) for name, value in own.items()}
    except Exception as error:
        raise SlipwayError(f"measuring fails: {_blame(run, error)}") from error
    for name, value in metrics.items():
        if not math.isfinite(value):  # no gate would ever miss it
            fix = "have `metrics` in the model's class give a finite number whatever is predicted, or leave it out"
            raise SlipwayError(f"the metric {name!r} of {whose} is {value}, which is no finite number", fix=fix)
    return metrics


def _outcome(loaded: Loaded, prediction: Any) -> Any:
    """The target's value in a prediction that may say more than that."""
    if not isinstance(prediction, dict):
        return prediction
    target = loaded.schema.target.name
    if target not in prediction:
        problem = f"predict gives {', '.join(prediction)}, and nothing named {target!r}"
        raise SlipwayError(problem, fix=f"put what is predicted into the dict under the target's own name, {target!r}")
    return prediction[target]


def _compared(run: Run, loaded: Loaded, before: Any, rows: list[Any], truth: list[Any]) -> dict[str, float] | None:
    """The metrics of the deployed version on the same rows, or those of its record if it cannot predict them.

    It cannot, either, when its target is another one. `None` when there is none, or no gate compares with it.
    """
    if before is None or not gates.compare(run.model.gates):
        return None
    target = _target(run, before)
    if target and unlike(loaded.schema.target, target):
        return dict(before.metrics)
    found = deployed.predictions(run.settings, before, rows)
    return dict(before.metrics) if found is None else _measure(run, loaded, truth, found, f"the deployed {before.id}")


def _target(run: Run, record: Record) -> Field | None:
    """What the deployed version predicts; None where its artifact does not say."""
    file = record.artifact.files.get(SCHEMA)
    if file is None:
        return None
    with TemporaryDirectory() as scratch:
        store_of(run.settings, record.environment).blobs.get({SCHEMA: file}, Path(scratch), what=str(record.id))
        return manifest.read_file(Path(scratch), SCHEMA, Schema).target


def _against(run: Run, before: Any, compared: Mapping[str, float] | None) -> str:
    """What the gates compared with, for a comparison that did not take place would let any model pass."""
    if not gates.compare(run.model.gates):
        return ""
    if compared is None:
        return ", compared with nothing, as nothing is deployed"
    wanted = (name for name, gate in sorted(run.model.gates.items()) if gate.worse_by is not None)
    lacking = ", ".join(name for name in wanted if name not in compared)
    return f", compared with v{before.version}" + (f" but in {lacking}, which nobody measured of it" if lacking else "")


def _card(run: Run) -> str:
    path = run.settings.folder(run.about.model) / "README.md"
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _leave(metrics: Mapping[str, float], folder: Path) -> None:
    """A file for each metric: of a step's result, Argo reads whole files only."""
    folder.mkdir(exist_ok=True)
    for name, value in metrics.items():
        if "/" not in name:
            files.write(folder / name, repr(value).encode())


def _chosen(predictions: Sequence[Any]) -> list[int]:
    """Places of the golden rows: every outcome in turn, so that a rare one is among them."""
    places: dict[str, list[int]] = {}
    for at, prediction in enumerate(predictions):
        places.setdefault(str(prediction), []).append(at)
    turns = sorted((turn, at) for group in places.values() for turn, at in enumerate(group))
    return sorted(at for _, at in turns[:_GOLDEN_ROWS])


def _serve(run: Run) -> str:
    """Start the fresh model as its release will be started, and run the model's tests that ask for its URL.

    It runs in the serving environment: what only training has is missing there, and better noticed now.
    """
    from slipway.images import bundle, running

    name = run.about.model
    if run.model.image is not None:
        return "as the container answers"
    with TemporaryDirectory() as scratch:
        made = bundle.make_local(run.settings, name, run.folder / "artifact", Path(scratch) / "bundle")
        with running.serve(made) as url:
            if not tests.ask_for_url(run.settings, name):
                return "it starts and keeps its golden predictions"
            fix = f"see model.py and the test; slipway train {name} runs it again"
            said = tests.pytest(run.settings.root, run.settings.folder(name), f"--served-url={url}", fix=fix)
            return f"served: {said}"
