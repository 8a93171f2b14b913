"""Locks as pip writes them, compared and laid over one another."""

import re
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["laid_over", "moved"]

_PACKAGE = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)(?:\[[^]]*\])?==([^\s;\\]+)")


def laid_over(lock: str, other: str) -> str:
    """`lock` with every package that `other` has as `other` has it."""
    own = {name for name, _, _ in _blocks(other)}
    kept = [(name, block) for name, _, block in _blocks(lock) if name not in own]
    return "".join(block for _, block in sorted([*kept, *((name, block) for name, _, block in _blocks(other))]))


def moved(before: str, after: str) -> list[str]:
    """Packages that have another version in `after`, or are in one lock only: `numpy 2.3.1 → 2.3.2`."""
    old, new = _versions(before), _versions(after)
    return [
        f"{name} {old.get(name, 'not there')} → {new.get(name, 'not there')}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def _versions(lock: str) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for name, version, _ in _blocks(lock):
        found.setdefault(name, set()).add(version)
    return {name: " and ".join(sorted(versions)) for name, versions in found.items()}


def _blocks(lock: str) -> "Iterator[tuple[str, str, str]]":
    """Name, version and lines of each package; a package may stand there more than once, for several platforms."""
    for block in re.split(r"^(?=\S)", lock, flags=re.MULTILINE):
        if match := _PACKAGE.match(block):
            yield canonicalize_name(match[1]), match[2], block if block.endswith("\n") else f"{block}\n"
