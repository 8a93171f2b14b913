"""The version that is deployed now, asked for its predictions on the rows of this run."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from slipway.store import store_of
from slipway.training.environment import SOURCE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.settings import Settings
    from slipway.store import Record

__all__ = ["predictions", "record"]

# Runs in a process of its own, where the modules of the deployed version do not meet those of this one.
_PREDICT = """
import sys, msgspec
from pathlib import Path
from slipway.artifacts.loading import load
sys.stdout.buffer.write(msgspec.json.encode(load(Path(sys.argv[1])).answer(msgspec.json.decode(sys.stdin.buffer.read()))))
"""


def record(settings: "Settings", model: str, environment: str) -> "Record | None":
    """The record of the newest version that answers requests, as the overlay in the work tree says."""
    from slipway.release.overlay import read_folder

    overlay = read_folder(settings.root, environment, model)
    release = overlay.serving() if overlay else None
    if release is None:
        return None
    store = store_of(settings, environment)
    return store.record(model, release.version) if release.version in store.versions(model) else None


def predictions(settings: "Settings", deployed: "Record", rows: "Sequence[Any]") -> "list[Any] | None":
    """What the deployed version, with its own code, predicts for `rows`; `None` if it cannot (another schema, say)."""
    environment = deployed.environment
    store = store_of(settings, environment)
    with tempfile.TemporaryDirectory() as scratch:
        folder = store.fetch(deployed, Path(scratch) / "artifact")
        done = subprocess.run(
            [sys.executable, "-c", _PREDICT, str(folder)],
            cwd=scratch,
            input=msgspec.json.encode(rows),
            capture_output=True,
            check=False,
            env=os.environ | {"PYTHONPATH": SOURCE},
        )
    return None if done.returncode else list(msgspec.json.decode(done.stdout))
