"""Publish and fetch versions in one line each, for notebooks and scripts.

from slipway.store import notebook

notebook.publish("iris", "my-model/", metadata={"idea": "fewer features"})
notebook.fetch("iris", where={"idea": "fewer features"}, to="somewhere/")
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from slipway.store.opening import store_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slipway.store.records import Record
    from slipway.store.versions import Store

__all__ = ["fetch", "publish"]


def publish(
    model: str,
    folder: str | Path,
    *,
    env: str = "test",
    metadata: Mapping[str, str] | None = None,
    root: str | Path | None = None,
) -> Record:
    """Publish a folder as the next version of a model and return its record.

    `root` is the repository; the default is the one that contains the working directory. Raise `SlipwayError` when the
    folder cannot be published.
    """
    return _store(env, root).publish(model, Path(folder), record={"metadata": dict(metadata or {})})


def fetch(
    model: str,
    *,
    to: str | Path,
    env: str = "test",
    version: int | None = None,
    where: Mapping[str, str] | None = None,
    root: str | Path | None = None,
) -> Path:
    """Write the files of `version`, or of the newest version that matches `where`, to the folder `to`.

    Raise `SlipwayError` when there is no such version, when it is corrupted, or when `to` holds other files.
    """
    store = _store(env, root)
    return store.fetch(store.find(model, version=version, where=where), Path(to))


def _store(environment: str, root: str | Path | None) -> Store:
    # `settings` needs PyYAML, which a serving image lacks.
    from slipway import settings

    return store_of(settings.load(None if root is None else Path(root)), environment)
