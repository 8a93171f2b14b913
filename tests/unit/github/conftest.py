"""A repository on the server that stands in for GitHub, and somebody's clone of it."""

import subprocess
from pathlib import Path

import pytest

from slipway.github import failures
from slipway.github.api import GitHub, connect
from tests.forge_server.fixtures import NAME, TOKEN
from tests.forge_server.server import Forge


class Clone:
    """A work tree with the actions of a person."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def git(self, *arguments: str) -> str:
        done = subprocess.run(["git", *arguments], cwd=self.root, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    def commit(self, file: str = "file", content: str = "x\n") -> str:
        (self.root / file).write_text(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "-m", f"Change {file}")
        return self.git("rev-parse", "HEAD")

    def propose(self, branch: str, file: str = "") -> str:
        """Push a branch of one commit on top of main and return the commit."""
        self.git("switch", "--quiet", "--create", branch, "main")
        made = self.commit(file or branch.replace("/", "-"))
        self.git("push", "--quiet", "origin", branch)
        self.git("switch", "--quiet", "main")
        return made

    def push(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Push, which may be refused."""
        command = ["git", "push", *(arguments or ("origin", "main"))]
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)


@pytest.fixture
def clone(on_github: Forge, people: None, tmp_path: Path) -> Clone:  # noqa: ARG001
    """Return a clone of `team/models` with one pushed commit on main."""
    url = on_github.clone_url(NAME, TOKEN)
    subprocess.run(["git", "clone", "--quiet", url, str(tmp_path / "clone")], check=True, capture_output=True)
    made = Clone(tmp_path / "clone")
    made.commit("readme")
    made.git("push", "--quiet", "origin", "main")
    return made


@pytest.fixture
def github(clone: Clone, monkeypatch: pytest.MonkeyPatch) -> GitHub:  # noqa: ARG001
    """Return a client that waits shortly before it tries again."""
    monkeypatch.setattr(failures, "PAUSE", 0.01)
    return connect()
