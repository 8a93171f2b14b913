"""Step `fit`: train on the rows that are not held out, and save what was learned, converted where that is faithful."""

import random
from typing import TYPE_CHECKING, Any

from slipway import files
from slipway.artifacts.golden import Golden
from slipway.artifacts.saving import save
from slipway.discovery import blame, model_files
from slipway.errors import SlipwayError
from slipway.training import converting, lock, secrets
from slipway.training.rows import held_out, records

if TYPE_CHECKING:
    from pathlib import Path

    from slipway.training.run import Run

__all__ = ["run"]

_SEED = 0


def run(run: "Run") -> str:
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


def _convert(run: "Run", artifact: "Path", rows: "list[dict[str, Any]]") -> str:
    """Have the artifact served as fast as it can be: leave `conversion.json`, `originals/` and its lock."""
    auto = run.model.convert == "auto"
    found = converting.convert(artifact, rows, run.folder / "originals") if auto else {}
    run.write("conversion.json", found)
    settled = lock.settle(run.settings, run.about.model, artifact, rows)
    files.write(artifact / "requirements.lock", settled.path.read_bytes())
    return "; ".join(filter(None, (converting.line(found), settled.why)))
