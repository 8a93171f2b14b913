"""Git, through its own command line: reads what commits hold, and makes commits so that nobody else's is lost."""

from __future__ import annotations

from slipway.git.commands import GitError
from slipway.git.repository import NOWHERE, Changes, Head, Moved, Repository

__all__ = ["NOWHERE", "Changes", "GitError", "Head", "Moved", "Repository"]
