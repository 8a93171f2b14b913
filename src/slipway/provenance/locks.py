"""Two locks of packages: one laid over the other, and the versions that differ."""

from __future__ import annotations

from slipway.models.locks import packages


def laid_over(lock: str, other: str) -> str:
    """Return `lock` with every package of `other` in place of its own."""
    laid = list(packages(other))
    own = {each.name for each in laid}
    kept = [each for each in packages(lock) if each.name not in own]
    return "".join(each.text for each in sorted([*kept, *laid], key=lambda each: (each.name, each.text)))


def moved(before: str, after: str) -> list[str]:
    """Return the packages with another version, or in one lock only, as `numpy 2.3.1 → 2.3.2`."""
    old, new = _versions(before), _versions(after)
    return [
        f"{name} {old.get(name, 'not there')} → {new.get(name, 'not there')}"
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def _versions(lock: str) -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for package in packages(lock):
        found.setdefault(package.name, set()).add(package.content)
    return {name: " and ".join(sorted(versions)) for name, versions in found.items()}
