"""Publishing and fetching from Python in a line each, for notebooks and scripts.

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
    """Publish a folder as the next version of a model; the record that is returned has its `id`.

    `root` is the repository, the one around the working directory unless given. Raises `SlipwayError`.
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
    """Write a version's files to the folder `to`: the chosen one, or the newest whose metadata match `where`.

    Raises `SlipwayError` when there is none, it is corrupted, or `to` holds something else.
    """
    store = _store(env, root)
    return store.fetch(store.find(model, version=version, where=where), Path(to))


def _store(environment: str, root: str | Path | None) -> Store:
    # Settings are read with PyYAML, which a serving image has not.
    from slipway import settings

    return store_of(settings.load(None if root is None else Path(root)), environment)
