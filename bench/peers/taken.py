"""Take the estimator out of a bundle for the peers: `python taken.py BUNDLE DATA FILE`, in the bundle's environment.

Write the estimator to FILE. Print a hundred rows of DATA, as callers of slipway send them and as the estimator gets
them.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path
from typing import Any

COUNT = 100


class Recorder:
    """An estimator that keeps what it is given."""

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator
        self.given: Any = None

    def predict(self, rows: Any) -> Any:
        self.given = rows
        return self.estimator.predict(rows)


def main(folder: Path, data: Path, target: Path) -> None:
    sys.path.insert(0, str(folder))
    import joblib
    import numpy

    from slipway.artifacts import load

    loaded = load(folder / "artifact")
    (name,) = (name for name, part in loaded.manifest.parts.items() if part.form == "skops")
    recorder = Recorder(getattr(loaded.model, name))
    setattr(loaded.model, name, recorder)
    with data.open() as file:
        every = [{field: float(row[field]) for field in loaded.schema.names} for row in csv.DictReader(file)]
    rows = [every[at * len(every) // COUNT] for at in range(COUNT)]
    loaded.answer(rows)
    for part in [recorder.estimator, *(step for _, step in getattr(recorder.estimator, "steps", []))]:
        # Peers give no names, and for each request scikit-learn would warn of it.
        vars(part).pop("feature_names_in_", None)
    joblib.dump(recorder.estimator, target)
    print(json.dumps({"rows": rows, "inputs": numpy.asarray(recorder.given, float).tolist()}))


main(*map(Path, sys.argv[1:]))
