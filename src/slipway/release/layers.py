"""What an image weighs, and how much of it is new, by what its registry says."""

from typing import TYPE_CHECKING

import msgspec

from slipway.errors import SlipwayError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from slipway.functions.engines import Engine

__all__ = ["new", "of", "text"]


class _Part(msgspec.Struct, frozen=True):
    digest: str
    size: int


class _Manifest(msgspec.Struct, frozen=True):
    config: _Part
    layers: list[_Part]


def of(engine: "Engine", reference: str) -> dict[str, int]:
    """The layers of a pushed image and its configuration, as {digest: compressed bytes}; nothing where nobody says."""
    try:
        found = msgspec.json.decode(engine.manifest(reference), type=_Manifest)
    except (SlipwayError, msgspec.DecodeError):  # a size is worth knowing, and no reason to fail
        return {}
    return {part.digest: part.size for part in (found.config, *found.layers)}


def new(layers: "Mapping[str, int]", known: "Collection[str]") -> int:
    """How many bytes of `layers` are in none that are `known`."""
    return sum(size for digest, size in layers.items() if digest not in known)


def text(size: int) -> str:
    """A number of bytes to read: `13 kB`, `58.1 MB`."""
    if size < 1000:
        return f"{size} bytes"
    for unit in ("kB", "MB"):
        size_in = size / (1e3 if unit == "kB" else 1e6)
        if size_in < 999.5:
            return f"{size_in:.1f} {unit}" if size_in < 99.95 else f"{size_in:.0f} {unit}"
    return f"{size / 1e9:.1f} GB"
