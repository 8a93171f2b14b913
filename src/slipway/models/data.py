"""The data that a model learns from: where they are, and which columns they have."""

from __future__ import annotations

import csv
from pathlib import Path

from slipway.errors import SlipwayError
from slipway.settings import Data, Settings

__all__ = ["columns", "data_source", "features", "local_path", "scheme"]


def scheme(uri: str) -> str:
    """Return `gs` for `gs://bucket/object`, and `` for a path, in which `#`, `?`, `[` and `:` are plain letters."""
    if uri.startswith("file:"):
        return "file"
    found, sign, _ = uri.partition("://")
    return found if sign else ""


def local_path(uri: str, root: Path) -> Path | None:
    """Return the file of `file:///…` or of a path in the repository at `root`; None for any other place."""
    if scheme(uri) not in ("", "file"):
        return None
    return root / uri.removeprefix("file://").removeprefix("file:")


def data_source(settings: Settings, name: str) -> Data | None:
    """Return where a model's data are: what slipway.yaml says, or else the one CSV file in the model's folder."""
    named = settings.model(name).data
    if named is not None:
        return named if isinstance(named, Data) else Data(uri=named)
    found = sorted(path for path in settings.folder(name).glob("*.csv") if not path.name.startswith("."))
    return Data(uri=found[0].relative_to(settings.root).as_posix()) if len(found) == 1 else None


def features(settings: Settings, name: str, target: str) -> list[str]:
    """Return the columns that slipway.yaml names as features, or else all columns of the data but the target."""
    named, source = settings.model(name).features, data_source(settings, name)
    if named or source is None:
        return named
    return [column for column in columns(source.uri, settings.root) if column != target]


def columns(uri: str, root: Path) -> list[str]:
    """Return the names of the columns of a local CSV file; raise `SlipwayError` for any other data."""
    path = local_path(uri, root)
    if path is None or path.suffix != ".csv" or not path.is_file():
        raise SlipwayError(f"the columns of {uri} are not known", fix="name those that the class takes: features: […]")
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file), [])
