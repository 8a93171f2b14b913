"""Where data lie: a file of the repository or of this machine, or what another scheme names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["local_path", "scheme"]


def scheme(uri: str) -> str:
    """`gs` of `gs://bucket/object`; nothing of a path, in whose names `#`, `?`, `[` and `:` are letters as any."""
    if uri.startswith("file:"):
        return "file"
    found, sign, _ = uri.partition("://")
    return found if sign else ""


def local_path(uri: str, root: Path) -> Path | None:
    """The file that `uri` names: a path in the repository at `root`, or `file:///…`; None for what lies elsewhere."""
    if scheme(uri) not in ("", "file"):
        return None
    return root / uri.removeprefix("file://").removeprefix("file:")
