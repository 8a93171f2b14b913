"""The part of an estimator that every form of graph keeps: its attributes, and the names of its methods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from slipway.artifacts import values as plain
from slipway.schema import Columns


class GraphEstimator:
    """A converted estimator; `source` has its `type`, `columns`, `methods` and `attributes`."""

    def __init__(self, computing: Any, source: Any) -> None:
        self._session = computing
        self._source = source
        for name, value in source.attributes.items():
            setattr(self, name, restored(value))

    @property
    def takes_columns(self) -> bool:
        """Tell whether it takes a table of named columns."""
        return self._source.columns is not None

    def __getattr__(self, name: str) -> Any:
        kept = sorted([*self._source.methods, *self._source.attributes])
        raise AttributeError(f"{self._source.type} was converted, with {', '.join(kept)}, and without {name!r}")


def column_of(table: Any, name: str) -> Any:
    """Return a column of a DataFrame, of `Columns`, of a dict of columns, or of dicts by name."""
    if isinstance(table, Columns):
        return table.values(name)
    if isinstance(table, Mapping):
        return table[name]
    if isinstance(table, Sequence):
        return [row[name] for row in table]
    return table[name].to_numpy()


def restored(value: Any) -> Any:
    """Return a value as `slipway.artifacts.values` writes it, or an array of `{"$array": [type, values]}`."""
    if isinstance(value, dict) and "$array" in value:
        import numpy

        dtype, values = value["$array"]
        return numpy.array(values, dtype=dtype)
    return plain.decode(msgspec.json.encode(value))
