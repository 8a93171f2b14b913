"""The deployed version, measured on the rows of a fresh model."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from slipway.artifacts import manifest, worker
from slipway.artifacts.loading import SCHEMA
from slipway.errors import SlipwayError
from slipway.names import ModelId
from slipway.overlays.overlay import read_folder
from slipway.schema import Field, Schema
from slipway.settings import Settings
from slipway.settings.types import Gate
from slipway.store import Record, Store, store_of
from slipway.training.metrics import compares_with_deployed


def record(settings: Settings, model: str, environment: str) -> Record | None:
    """Return the record of the deployed version; None when there is none.

    The overlay in the work tree names it. Without a work tree, and if a gate compares with it, the function at
    `SLIPWAY_DEPLOYED_AT` names it or, where that gives no version, the newest verification. Otherwise
    `SLIPWAY_DEPLOYED` does. Raise `SlipwayError` when that holds no version.
    """
    store = store_of(settings, environment)
    version = _asked_for(store, model) if compares_with_deployed(settings.model(model).gates) else None
    version = version or _given() or _declared(settings, model, environment)
    return store.record(model, version) if version in store.versions(model) else None


def _asked_for(store: Store, model: str) -> int | None:
    """Return the version that answers, which of several on the route is any one, or else the newest verified one."""
    from slipway.images import clients

    url = os.environ.get("SLIPWAY_DEPLOYED_AT", "")
    if not url:
        return None
    try:
        found = ModelId.parse(clients.describe(url).model_id)
        if (found.model, found.environment) == (model, store.environment):
            return found.version
    except SlipwayError:  # nothing is released yet, it refuses us, speaks another protocol, or is not there
        pass
    return max(store.verified_versions(model), default=None)


def _given() -> int | None:
    text = os.environ.get("SLIPWAY_DEPLOYED", "")
    if text and not text.isdecimal():
        raise SlipwayError(f"SLIPWAY_DEPLOYED is {text!r}", fix="set it to a version, such as 7, or to nothing")
    return int(text) if text else None


def _declared(settings: Settings, model: str, environment: str) -> int | None:
    overlay = read_folder(settings.root, environment, model)
    release = overlay.serving() if overlay else None
    return release.version if release else None


def target(settings: Settings, deployed: Record) -> Field | None:
    """Return the target of the deployed version; None when its artifact has no schema."""
    file = deployed.artifact.files.get(SCHEMA)
    if file is None:
        return None
    with tempfile.TemporaryDirectory() as scratch:
        store_of(settings, deployed.environment).blobs.get({SCHEMA: file}, Path(scratch), what=str(deployed.id))
        return manifest.read_file(Path(scratch), SCHEMA, Schema).target


def predictions(settings: Settings, deployed: Record, rows: Sequence[Any]) -> list[Any] | None:
    """Return the predictions of the deployed version by its own code; None if it fails, as with another schema."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = store_of(settings, deployed.environment).fetch(deployed, Path(scratch) / "artifact")
        try:
            return worker.predictions(sys.executable, folder, rows)
        except SlipwayError:
            return None


def comparison(gates: Mapping[str, Gate], deployed: Record | None, metrics: Mapping[str, float] | None) -> str:
    """Return the comparison of the gates in words: without one, any model would pass."""
    if not compares_with_deployed(gates):
        return ""
    if deployed is None or metrics is None:
        return ", compared with nothing, as nothing is deployed"
    wanted = (name for name, gate in sorted(gates.items()) if gate.worse_by is not None)
    lacking = ", ".join(name for name in wanted if name not in metrics)
    but = f" but in {lacking}, which nobody measured of it" if lacking else ""
    return f", compared with v{deployed.version}{but}"
