"""The bare repositories, by git itself."""

import os
import subprocess
from pathlib import Path

__all__ = ["Bare"]

_HOOK = """#!/bin/sh
# What the server has decided of a push that it passes on.
[ -z "$FORGE_REFUSAL" ] || { printf '%s\\n' "$FORGE_REFUSAL" >&2; exit 1; }
"""
_SOMEBODY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "GitHub"), ("EMAIL", "noreply@github.com"))
}


class Bare:
    """One of them."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def make(cls, path: Path, branch: str) -> "Bare":
        """A new one, or the one that is there, with the hook that says what the server has decided."""
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
        """What git prints; raises `subprocess.CalledProcessError`."""
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
        """The commit that it names; empty when there is none."""
        try:
            return self.git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        except subprocess.CalledProcessError:
            return ""

    def branch(self, name: str) -> str:
        """The commit of a branch; empty when there is none."""
        return self.at(f"refs/heads/{name}")

    def holds(self, base: str, commit: str) -> bool:
        """Whether `commit` is `base` or one of its ancestors."""
        try:
            self.git("merge-base", "--is-ancestor", commit, base)
        except subprocess.CalledProcessError:
            return False
        return True

    def move(self, branch: str) -> None:
        """Commit on a branch as somebody else does: the same files, another commit."""
        old = self.branch(branch)
        new = self.git("commit-tree", f"{old}^{{tree}}", "-p", old, given="Somebody else was faster\n")
        self.git("update-ref", f"refs/heads/{branch}", new, old)

    def merge(self, base: str, head: str, message: str, *, squash: bool = False) -> str | None:
        """Merge the commit `head` into the branch `base`: the new commit; None when they contradict each other."""
        old = self.branch(base)
        try:
            tree = self.git("merge-tree", "--write-tree", old, head).split("\n")[0]
        except subprocess.CalledProcessError:
            return None
        parents = ["-p", old, *([] if squash else ["-p", head])]
        new = self.git("commit-tree", tree, *parents, given=message)
        self.git("update-ref", f"refs/heads/{base}", new, old)
        return new
