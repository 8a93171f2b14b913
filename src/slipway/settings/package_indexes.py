"""Checks of `indexes` in `slipway.yaml`, and the environment variables that let one into an index."""

from __future__ import annotations

import re
from typing import Any

from slipway.settings.strict import refuse
from slipway.settings.types import Index


def check_addresses(indexes: dict[Any, Any]) -> None:
    """Refuse an index with a user or a password in its address; call this before other checks, which would show it."""
    for name, index in indexes.items():
        url = index.get("url") if isinstance(index, dict) else index
        if isinstance(url, str) and re.search("[@?#]", url):
            fix = f"write it without, and export {' and '.join(index_variables(str(name)))}; change what was leaked"
            refuse(f"indexes.{name}.url", "holds a user, a password or a token, and everybody can read this file", fix)


def check(indexes: dict[str, Index]) -> None:
    """Refuse a package of two indexes: it would be chance which of them gives it."""
    known: dict[str, str] = {}
    for name, index in indexes.items():
        if not index.packages:
            refuse(f"indexes.{name}.packages", "gives no package", "name those that come from it, and only they do")
        for package in index.packages:
            if package in known:
                refuse(f"indexes.{name}.packages", f"{package} comes from {known[package]} already", "name it once")
            known[package] = name


def index_variables(name: str) -> tuple[str, str]:
    """Return the environment variables with the user and the password of an index, as uv calls them."""
    capitals = re.sub("[^A-Z0-9]", "_", name.upper())
    return f"UV_INDEX_{capitals}_USERNAME", f"UV_INDEX_{capitals}_PASSWORD"
