"""The store of published versions: create-only objects in a directory or in a bucket.

Call `open_store` to get a `Store`. In a notebook, use `slipway.publish` and `slipway.fetch`, which take a line each:
the first is in `slipway.images.publishing`, as it proves that a version can be served.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.errors import SlipwayError
from slipway.files import explained
from slipway.store.backend import Backend, LocalBackend, Missing
from slipway.store.records import Artifact, Data, File, Origin, Record, Training
from slipway.store.versions import Store

if TYPE_CHECKING:
    from slipway.settings import Settings

__all__ = [
    "Artifact",
    "Backend",
    "Data",
    "File",
    "Missing",
    "Origin",
    "Record",
    "Store",
    "Training",
    "open_store",
    "store_of",
]

STORES = "SLIPWAY_STORES"
"""The variable with the folder of the stores that were handed to this machine."""

_BUCKET = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])((?:/[^/]+)*)/?")


def store_of(settings: Settings, environment: str) -> Store:
    """Return the store of an environment. Raise `SlipwayError` when the settings lack the environment.

    Where `SLIPWAY_STORES` names a folder, as on a machine without rights, it is the directory of that name in it.
    """
    declared = settings.environment(environment).store
    if handed := os.environ.get(STORES):
        return open_store(f"{handed}/{environment}", root=settings.root, environment=environment)
    return open_store(declared, root=settings.root, environment=environment)


def open_store(url: str, *, root: Path, environment: str) -> Store:
    """Return the store of an environment at `gs://bucket/prefix` or in a directory (relative to `root`).

    Connect to a bucket at its first use. Raise `SlipwayError` for any other kind of address.
    """
    return Store(_backend(url, root), environment)


def _backend(url: str, root: Path) -> Backend:
    if url.startswith("gs:"):
        return _bucket(url)
    if "://" in url:
        raise SlipwayError(f"{url!r} is not a store that is known here", fix="write gs://bucket/prefix or a directory")
    directory = root / Path(url).expanduser()
    with explained("open", directory):
        occupied = directory.exists() and not directory.is_dir()
    if occupied:
        raise SlipwayError(f"the store {directory} is a file", fix="name a directory; it is made when it is missing")
    return LocalBackend(directory)


def _bucket(url: str) -> Backend:
    match = _BUCKET.fullmatch(url)
    if not match:
        raise SlipwayError(f"{url!r} is not the address of a bucket", fix="write gs://bucket or gs://bucket/prefix")
    # The import of Google's client takes 0.3 s, which a store in a directory need not wait for.
    from slipway.store.gcs import GcsBackend

    return GcsBackend(match[1], match[2].lstrip("/"))


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
    from slipway import settings  # nothing else here needs PyYAML

    store = store_of(settings.load(None if root is None else Path(root)), env)
    return store.fetch(store.find(model, version=version, where=where), Path(to))
