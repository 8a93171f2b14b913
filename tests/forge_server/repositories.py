"""Bare repositories, made and read by git."""

import os
import subprocess
from pathlib import Path

__all__ = ["Bare"]

_HOOK = """#!/bin/sh
# What the server has decided of a push that it passes on.
[ -z "$FORGE_REMARK" ] || printf '%s\\n' "$FORGE_REMARK" >&2
[ -z "$FORGE_REFUSAL" ] || { printf '%s\\n' "$FORGE_REFUSAL" >&2; exit 1; }
"""
_SOMEBODY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "GitHub"), ("EMAIL", "noreply@github.com"))
}


class Bare:
    """A bare repository."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def make(cls, path: Path, branch: str) -> "Bare":
        """Open a repository, new or existing, with the hook that tells a client the decision of the server."""
        made = cls(path)
        if not (path / "HEAD").exists():
            path.mkdir(parents=True, exist_ok=True)
            made.git("init", "--quiet", "--bare", "--template=", f"--initial-branch={branch}")
            with (path / "config").open("a") as config:
                config.write("[gc]\n\tauto = 0\n[receive]\n\tautogc = false\n[core]\n\tfsync = none\n")
        hook = path / "hooks/pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(_HOOK)
        hook.chmod(0o755)
        return made

    def git(self, *arguments: str, given: str = "") -> str:
        """Run git, and return its output. Raise `subprocess.CalledProcessError` when it fails."""
        keep = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path,
            env=keep | _SOMEBODY | {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": str(self.path / "none")},
            input=given,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def at(self, revision: str) -> str:
        """Return the commit of a name, or "" if there is none."""
        try:
            return self.git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        except subprocess.CalledProcessError:
            return ""

    def branch(self, name: str) -> str:
        """Return the commit of a branch, or "" if there is none."""
        return self.at(f"refs/heads/{name}")

    def holds(self, base: str, commit: str) -> bool:
        """Return True if `commit` is `base` or an ancestor of it."""
        try:
            self.git("merge-base", "--is-ancestor", commit, base)
        except subprocess.CalledProcessError:
            return False
        return True

    def move(self, branch: str) -> None:
        """Add a commit of another author to a branch, with the same files."""
        old = self.branch(branch)
        new = self.git("commit-tree", f"{old}^{{tree}}", "-p", old, given="Somebody else was faster\n")
        self.git("update-ref", f"refs/heads/{branch}", new, old)

    def merge(self, base: str, head: str, message: str, *, squash: bool = False) -> str | None:
        """Merge the commit `head` into the branch `base`. Return the new commit, or None on a conflict."""
        old = self.branch(base)
        try:
            tree = self.git("merge-tree", "--write-tree", old, head).split("\n")[0]
        except subprocess.CalledProcessError:
            return None
        parents = ["-p", old, *([] if squash else ["-p", head])]
        new = self.git("commit-tree", tree, *parents, given=message)
        self.git("update-ref", f"refs/heads/{base}", new, old)
        return new
