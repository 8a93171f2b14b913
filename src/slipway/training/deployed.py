"""The version that is deployed now, asked for its predictions on the rows of this run."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slipway.artifacts import worker
from slipway.errors import SlipwayError
from slipway.names import ModelId
from slipway.store import store_of
from slipway.training import gates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slipway.settings import Settings
    from slipway.store import Record, Store

__all__ = ["predictions", "record"]


def record(settings: Settings, model: str, environment: str) -> Record | None:
    """The record of the newest version that answers requests, as the overlay in the work tree says.

    Where there is no work tree, and a gate compares with it, the function at `SLIPWAY_DEPLOYED_AT` says it; when that
    does not tell us, it is the newest version that was verified. Else it is what `SLIPWAY_DEPLOYED` says, which raises
    `SlipwayError` when that is no version.
    """
    store = store_of(settings, environment)
    version = _found(store, model) if gates.compare(settings.model(model).gates) else None
    version = version or _told() or _declared(settings, model, environment)
    return store.record(model, version) if version in store.versions(model) else None


def _found(store: Store, model: str) -> int | None:
    url = os.environ.get("SLIPWAY_DEPLOYED_AT", "")
    if not url:
        return None
    return _answering(url, model, store.environment) or max(store.verified_versions(model), default=None)


def _answering(url: str, model: str, environment: str) -> int | None:
    """The version that answers now; None where none tells us so. Of several that share the requests it is any one."""
    from slipway.images import clients

    try:
        found = ModelId.parse(clients.describe(url).model_id)
    except SlipwayError:  # nothing was released yet, it lets nobody in, speaks another protocol, or is just not there
        return None
    return found.version if (found.model, found.environment) == (model, environment) else None


def _told() -> int | None:
    text = os.environ.get("SLIPWAY_DEPLOYED", "")
    if text and not text.isdecimal():
        raise SlipwayError(f"SLIPWAY_DEPLOYED is {text!r}", fix="set it to a version, such as 7, or to nothing")
    return int(text) if text else None


def _declared(settings: Settings, model: str, environment: str) -> int | None:
    from slipway.overlays.overlay import read_folder

    overlay = read_folder(settings.root, environment, model)
    release = overlay.serving() if overlay else None
    return release.version if release else None


def predictions(settings: Settings, deployed: Record, rows: Sequence[Any]) -> list[Any] | None:
    """What the deployed version, with its own code, predicts for `rows`; `None` if it cannot (another schema, say)."""
    environment = deployed.environment
    store = store_of(settings, environment)
    with tempfile.TemporaryDirectory() as scratch:
        folder = store.fetch(deployed, Path(scratch) / "artifact")
        try:
            return worker.predictions(sys.executable, folder, rows)
        except SlipwayError:
            return None
