"""The metrics and the card of an artifact, which tell people of its model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from slipway import files
from slipway.artifacts.manifest import read_file

__all__ = ["CARD", "METRICS", "About", "read", "write"]

CARD, METRICS = "card.md", "metrics.json"


class About(NamedTuple):
    """The metrics on the held-out rows, and the model's card in Markdown; each may be missing."""

    metrics: Mapping[str, float] = MappingProxyType({})
    card: str = ""


def read(folder: Path) -> About:
    """Return metrics and card of the artifact in `folder`; raise `SlipwayError` when they cannot be read."""
    metrics = read_file(folder, METRICS, dict[str, float]) if (folder / METRICS).is_file() else {}
    card = (folder / CARD).read_text(encoding="utf-8", errors="replace") if (folder / CARD).is_file() else ""
    return About(metrics, card)


def write(about: About, folder: Path) -> None:
    """Write metrics and card into the artifact in `folder`."""
    files.write(folder / METRICS, msgspec.json.format(msgspec.json.encode(dict(about.metrics), order="sorted")) + b"\n")
    if about.card:
        files.write(folder / CARD, about.card.encode())
