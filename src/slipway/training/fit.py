"""Step `fit`: train on the rows that are not held out, and save what was learned."""

import random
from typing import TYPE_CHECKING

from slipway import digests, files
from slipway.artifacts.golden import Golden
from slipway.artifacts.saving import save
from slipway.discovery import blame, model_files
from slipway.errors import SlipwayError
from slipway.training import secrets
from slipway.training.environment import serving_lock
from slipway.training.rows import held_out

if TYPE_CHECKING:
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
    lock = serving_lock(run.settings, run.about.model, digests.walk(artifact))
    files.write(artifact / "requirements.lock", lock.read_bytes())
    return f"trained on {len(rows)} rows"
