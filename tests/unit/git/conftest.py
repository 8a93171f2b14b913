"""Git commands that tests of git run by themselves."""

import subprocess
from pathlib import Path

from tests.forge_server.fixtures import forge, on_github

__all__ = ["forge", "git", "on_github"]


def git(folder: Path, *arguments: str) -> str:
    """Return the output of a git command in a folder."""
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()
