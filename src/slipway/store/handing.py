"""What a machine with rights and one without hand each other: a folder with a document of JSON, and stores."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from slipway.errors import SlipwayError
from slipway.store import Store, open_store

T = TypeVar("T")


def handed_on(folder: Path, environment: str) -> Store:
    """Return the store of an environment that a folder hands on."""
    return open_store(str(stores(folder) / environment), root=folder, environment=environment)


def stores(folder: Path) -> Path:
    """Return the folder of the stores that a folder hands on."""
    return folder.absolute() / "store"


def read(path: Path, kind: type[T], fix: str) -> T:
    """Return the content of a document; raise `SlipwayError`, with this `fix`, when it cannot be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as error:
        raise SlipwayError(f"{path} cannot be read: {error}", fix=fix) from error
