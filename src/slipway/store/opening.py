"""From what `slipway.yaml` says of a store to the store."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from slipway.errors import SlipwayError
from slipway.files import explained
from slipway.store.local import LocalBackend
from slipway.store.versions import Store

if TYPE_CHECKING:
    from slipway.settings import Settings
    from slipway.store.backend import Backend

__all__ = ["open_store", "store_of"]

_BUCKET = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,220}[a-z0-9])((?:/[^/]+)*)/?")


def store_of(settings: Settings, environment: str) -> Store:
    """The store of an environment of the settings; raises `SlipwayError` for one that they do not name."""
    return open_store(settings.environment(environment).store, root=settings.root, environment=environment)


def open_store(url: str, *, root: Path, environment: str) -> Store:
    """The store of an environment: `gs://bucket/prefix`, or a directory (relative to `root`).

    A bucket is not spoken to before it is used. Raises `SlipwayError` for any other kind of address.
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
    # Imported here because Google's client takes 0.3 s to import, which nobody with a directory should wait for.
    from slipway.store.gcs import GcsBackend

    return GcsBackend(match[1], match[2].lstrip("/"))
