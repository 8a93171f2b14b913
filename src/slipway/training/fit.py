"""Step `fit`: train on the rows that are not held out, and save what was learned, converted where that is faithful."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from slipway import digests, files
from slipway.artifacts import worker
from slipway.artifacts.golden import Golden, differences
from slipway.artifacts.loading import REFUSED, each, load
from slipway.artifacts.saving import save
from slipway.errors import SlipwayError
from slipway.models.discovery import blame, model_files
from slipway.models.environment import lock_for, python_for, serving_lock, use_for
from slipway.models.rows import held_out, records
from slipway.training import conversion, secrets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.settings import Settings
    from slipway.training.run import Run

__all__ = ["Settled", "run", "settle"]

_SEED = 0


def run(run: Run) -> str:
    """Leave the artifact in `artifact/`, complete but for its golden predictions.

    Raises `SlipwayError` with the user's own line when `train` fails, when a part cannot be saved, and when a
    secret is missing or would be saved.
    """
    import numpy as np

    values = secrets.read(run.model.secrets)
    schema = run.schema
    model = run.new_model()
    data = run.data()
    columns = [*schema.names, schema.target.name]
    rows = data[~held_out(data, columns, run.model.held_out)][columns]
    # Estimators without a random_state of their own draw from these two.
    random.seed(_SEED)
    np.random.seed(_SEED)
    try:
        model.train(rows.reset_index(drop=True))
    except SlipwayError:
        raise
    except Exception as error:
        raise SlipwayError(secrets.hide(f"training fails at {blame(error, run.settings.root)}", values)) from error
    artifact = run.folder / "artifact"
    save(model, schema, Golden(rows=[], predictions=[]), artifact, code=model_files(run.settings, run.about.model))
    secrets.refuse_in(artifact, values)
    if run.model.image is not None:
        run.write("conversion.json", {})
        return f"{run.model.image} keeps the contract"
    converted = _convert(run, artifact, records(data, schema.names))
    return f"trained on {len(rows)} rows" + (f"; {converted}" if converted else "")


def _convert(run: Run, artifact: Path, rows: list[dict[str, Any]]) -> str:
    """Have the artifact served as fast as it can be: leave `conversion.json`, `originals/` and its lock."""
    auto = run.model.convert == "auto"
    found = conversion.convert(artifact, rows, run.folder / "originals") if auto else {}
    run.write("conversion.json", found)
    settled = settle(run.settings, run.about.model, artifact, rows)
    files.write(artifact / "requirements.lock", settled.path.read_bytes())
    return "; ".join(filter(None, (conversion.line(found), settled.why)))


class Settled(NamedTuple):
    """The lock, and why it is no leaner where one might have expected that."""

    path: Path
    why: str = ""


def settle(settings: Settings, model: str, artifact: Path, rows: Sequence[dict[str, Any]]) -> Settled:
    """The lock for serving the artifact in a folder.

    Where every estimator was converted, that is one without scikit-learn and pandas if the model's own code predicts
    all `rows` in that environment. Else it has all that predicting had before.
    """
    paths = digests.walk(artifact)
    found = serving_lock(settings, model, paths)
    if use_for(paths) != "onnx":
        return Settled(found)
    why = _fails(python_for(found), artifact, rows)
    if not why:
        return Settled(found)
    return Settled(lock_for(settings, model, "mixed"), f"served with all its requirements, for without them {why}")


def _fails(python: Path, artifact: Path, rows: Sequence[dict[str, Any]]) -> str:
    """How the artifact fails to answer all rows as it does here; empty when it does not."""
    loaded = load(artifact)
    try:
        answers = each(loaded, list(rows))
    except Exception:  # noqa: BLE001 - the model's code; the step evaluate has its say on that
        return ""
    pairs = [(row, answer) for row, answer in zip(rows, answers, strict=True) if answer is not REFUSED]
    expected = Golden(rows=[row for row, _ in pairs], predictions=[answer for _, answer in pairs])
    try:
        found = worker.predictions(python, artifact, expected.rows)
    except SlipwayError as error:
        return f"predicting fails: {error.problem.splitlines()[-1].strip()}"
    wrong = differences(expected, found, loaded.manifest.tolerance)
    return f"it answers otherwise: {wrong[0]}" if wrong else ""
