"""Differences between two releases: packages, code, parameters, manifests. Text in, text out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import unified_diff
from pathlib import Path
from typing import Any, NamedTuple

from slipway import digests
from slipway.overlays import overlay as overlays
from slipway.overlays.overlay import MANIFESTS
from slipway.overlays.types import Overlay, Release

__all__ = ["Expected", "Manifests", "Moved", "code", "manifests", "moved", "overlay", "packages"]

_PIN = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)
_MOST_BYTES = 400_000
"""To compare a longer file takes minutes, and nobody reads it."""


class Moved(NamedTuple):
    """A value before and after, as text; empty where there was none."""

    name: str
    before: str
    after: str


class Expected(NamedTuple):
    """A name or digest that each release has of its own, and how often the manifests have it."""

    name: str
    before: str
    after: str
    places: int


class Manifests(NamedTuple):
    """The expected differences between the manifests of two releases, and the others as a unified diff."""

    expected: list[Expected]
    diff: str


def packages(lock: str) -> dict[str, str]:
    """Return {package: version} of a lock; several versions, each for some platforms, are listed."""
    found: dict[str, str] = {}
    for name, version in _PIN.findall(lock):
        found[name] = f"{found[name]}, {version}" if name in found else version
    return found


def moved(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Moved]:
    """Return the values that differ, sorted by name."""
    names = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return [Moved(name, *(str(side[name]) if name in side else "" for side in (before, after))) for name in names]


def code(before: Path, after: Path) -> str:
    """Return the unified diff of the code in two artifacts; empty where it is the same."""
    sides = [digests.walk(folder) for folder in (before, after)]
    return _unified(
        *({path: file.read_bytes() for path, file in side.items() if path.startswith("code/")} for side in sides)
    )


def manifests(before: Release, after: Release) -> Manifests:
    """Compare the manifests; the names and digests that always differ are told apart."""
    old, new = (release.files[MANIFESTS].decode(errors="replace") for release in (before, after))
    differing: dict[str, tuple[str, str]] = {}
    for name in ("release", "model_id", "image", "fingerprint", "artifact", "verifier"):
        pair = (getattr(before.record, name), getattr(after.record, name))
        if pair[0] != pair[1] and all(pair):
            differing[name.replace("_", " ")] = pair
    counted = dict.fromkeys(differing, 0)
    by_text = {pair[0]: name for name, pair in differing.items()}

    def renamed(match: re.Match[str]) -> str:
        name = by_text[match[0]]
        counted[name] += 1
        return differing[name][1]

    if differing:
        # The longest first: an image holds digests.
        words = sorted(by_text, key=len, reverse=True)
        old = re.sub("|".join(map(re.escape, words)), renamed, old)
    expected = [Expected(name, *differing[name], places) for name, places in counted.items()]
    return Manifests(expected, _unified({MANIFESTS: old.encode()}, {MANIFESTS: new.encode()}))


def overlay(before: Overlay, after: Overlay) -> str:
    """Return the unified diff of an overlay's files; a release that comes or goes shows only its record."""
    sides = []
    for side, other in ((before, after), (after, before)):
        files = overlays.format(side) if side.releases or side.hold or side.rejected else {}
        known = {str(release.name) for release in other.releases}
        sides.append(
            {
                path: content
                for path, content in files.items()
                if "/" not in path or path.split("/")[0] in known or path.endswith(overlays.RECORD)
            }
        )
    return _unified(*sides)


def _unified(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> str:
    """Return the unified diff of files by their path; a file without text, or a very long one, is only named."""
    return "\n".join(
        text
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
        for text in _file(path, before.get(path), after.get(path))
    )


def _file(path: str, before: bytes | None, after: bytes | None) -> list[str]:
    sides = []
    for side in (before, after):
        try:
            text = (side or b"").decode()
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text or len(side or b"") > _MOST_BYTES:
            return [f"--- {path}", f"+++ {path}", "@@ no text, or too long to compare @@"]
        sides.append(text.splitlines())
    names = (path if before is not None else "/dev/null", path if after is not None else "/dev/null")
    found = list(unified_diff(sides[0], sides[1], names[0], names[1], lineterm=""))
    return found or [f"--- {names[0]}", f"+++ {names[1]}", "@@ only in how lines end @@"]
