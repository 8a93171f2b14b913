"""`slipway.yaml`, the one settings file, as it is read: a repository's environments and models."""

from __future__ import annotations

from slipway.settings.reading import (
    FILE,
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
    Settings,
    TrainingSettings,
    find_root,
    load,
    parse,
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
