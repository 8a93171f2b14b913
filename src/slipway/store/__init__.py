"""Where published versions live: create-only objects behind one interface, in a directory or in a bucket.

The way in is `open_store`, which gives a `Store`; from a notebook it is `slipway.store.notebook`.
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
