"""`slipway.yaml`, the one settings file: its types, and how it is read and checked."""

from __future__ import annotations

from slipway.settings.reading import Settings, find_root, load, parse
from slipway.settings.strict import FILE
from slipway.settings.types import (
    AccessSettings,
    Announce,
    Data,
    Environment,
    Gate,
    LimitSettings,
    ModelSettings,
    Protocol,
    Scale,
    SecretRef,
    TrainingSettings,
)

__all__ = [
    "FILE",
    "AccessSettings",
    "Announce",
    "Data",
    "Environment",
    "Gate",
    "LimitSettings",
    "ModelSettings",
    "Protocol",
    "Scale",
    "SecretRef",
    "Settings",
    "TrainingSettings",
    "find_root",
    "load",
    "parse",
]
