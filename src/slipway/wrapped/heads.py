"""The columns of a model's data, for a class that does not name them."""

import csv
from typing import TYPE_CHECKING

from slipway.errors import SlipwayError
from slipway.uris import local_path

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["heads"]


def heads(uri: str, root: "Path") -> list[str]:
    """The names of the columns of a CSV file; raises `SlipwayError` when `uri` is none that can be looked into here."""
    path = local_path(uri, root)
    if path is None or path.suffix != ".csv" or not path.is_file():
        raise SlipwayError(f"the columns of {uri} are not known", fix="name those that the class takes: features: […]")
    with path.open(encoding="utf-8-sig", newline="") as file:
        return next(csv.reader(file), [])
