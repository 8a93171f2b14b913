"""The schemas of releases, what callers of one may send and get: where one breaks calls to another."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from slipway.errors import SlipwayError
from slipway.names import ReleaseName
from slipway.overlays.overlay import MANIFESTS
from slipway.release import breaking
from slipway.release.breaking import Change
from slipway.schema import Schema
from slipway.store import store_of

if TYPE_CHECKING:
    from slipway.overlays.overlay_types import Overlay, Release
    from slipway.settings import Settings
    from slipway.store import Record, Store

__all__ = ["broken", "of_record", "of_release"]

_FILE = "schema.json"


def of_release(settings: "Settings", environment: str, release: "Release") -> Schema | None:
    """The schema of a release of an environment; None when its artifact has none.

    One whose artifact was not copied yet is looked for where it was promoted from. Raises `SlipwayError` when no store
    has its artifact.
    """
    model = release.record.model_id.split("/")[0]
    origin = release.record.origin
    try:
        store = store_of(settings, environment)
        return of_record(store, store.record(model, release.version))
    except SlipwayError:
        if origin is None:
            raise
    store = store_of(settings, origin.environment)
    return of_record(store, store.record(model, ReleaseName.parse(origin.release).version))


def broken(settings: "Settings", before: "Overlay", source: str, found: "Release", release: "Release") -> list[Change]:
    """What of a promotion breaks calls that are answered until now.

    `before` is the target's overlay, `found` the release of `source` and `release` what becomes of it.
    """
    serving = before.serving()
    if serving is None or serving.name == release.name:
        return []
    changes = breaking.limit_changes(serving.files[MANIFESTS], release.files[MANIFESTS])
    old, new = of_release(settings, before.environment, serving), of_release(settings, source, found)
    if old is not None and new is not None:
        changes += breaking.changes(old, new)
    return [change for change in changes if change.breaking]


def of_record(store: "Store", record: "Record") -> Schema | None:
    """The schema of a version; None when its artifact has none, as one may that was made by hand."""
    if _FILE not in record.artifact.files:
        return None
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        store.blobs.get({_FILE: record.artifact.files[_FILE]}, Path(scratch), what=str(record.id))
        content = (Path(scratch) / _FILE).read_bytes()
    try:
        return msgspec.json.decode(content, type=Schema)
    except msgspec.MsgspecError as error:
        raise SlipwayError(f"the {_FILE} of {record.id} is damaged: {error}", fix="choose another version") from error
