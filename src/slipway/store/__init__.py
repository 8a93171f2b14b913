"""The store of published versions: create-only objects in a directory or in a bucket.

Call `open_store` to get a `Store`. In a notebook, use `slipway.publish` and `slipway.fetch`.
"""

from __future__ import annotations

from slipway.store.backend import Backend, Missing
from slipway.store.opening import open_store, store_of
from slipway.store.records import Artifact, Data, File, Origin, Record, Training
from slipway.store.versions import Store

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
