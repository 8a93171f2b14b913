"""Git, through its own command line: reads what commits hold, and makes commits so that nobody else's is lost."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from slipway.errors import SlipwayError
from slipway.git import worktree
from slipway.text import listed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["NOWHERE", "GitError", "Head", "Moved", "Repository"]

NOWHERE = "0" * 40
"""The expected place of a branch that does not exist yet."""

# Set by git for its hooks and aliases; they would turn our commands to another index or repository.
_FOREIGN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")

# Names under which tools and clouds leave what opens a door: Google's log-in on GitHub leaves the first.
_CREDENTIALS = (
    "gha-creds-*.json",
    "*credentials*.json",
    "*service-account*.json",
    "*service_account*.json",
    ".env",
    ".netrc",
    "*.key",
    "*.p12",
    "*.pem",
    "id_*sa",
    "id_ed25519",
    "kubeconfig*",
)


class GitError(SlipwayError):
    """A git command that failed; the message is git's own."""


class Moved(Exception):  # noqa: N818 - not an error: the answer to it is to compute anew
    """Somebody else committed first: what was computed on the former head has to be computed again.

    Its arguments are the branch and, where a remote said more, its words.
    """


class Head(NamedTuple):
    """Where a branch stands."""

    branch: str
    commit: str


class Repository:
    """The git repository whose work tree is `root`."""

    def __init__(self, root: Path) -> None:
        """Raises `SlipwayError` when `root` is not the top of a work tree."""
        if shutil.which("git") is None:
            raise SlipwayError("git is not installed", fix="install git 2.31 or newer")
        self.root = root.resolve()
        self.held: tuple[int, ...] = ()
        """Open files that git commands inherit."""
        self.directory = self._find()

    def _find(self) -> Path:
        try:
            bare, directory = self.run("rev-parse", "--is-bare-repository", "--absolute-git-dir").decode().splitlines()
        except GitError as error:
            if "not a git repository" not in str(error):
                raise
            raise SlipwayError(
                f"{self.root} is not a git repository", fix="git init, then git add and git commit what is there"
            ) from error
        if bare == "true":
            raise SlipwayError(f"{self.root} is a bare git repository", fix="work in a clone of it: git clone")
        top = Path(os.fsdecode(self.run("rev-parse", "--show-toplevel").rstrip(b"\n")))
        if top.resolve() != self.root:
            raise SlipwayError(
                f"{self.root} is not the top of its git repository, {top} is",
                fix="keep slipway.yaml at the top of a repository of its own",
            )
        return Path(directory)

    def run(
        self,
        *arguments: str,
        given: bytes = b"",
        index: Path | None = None,
        by: Sequence[str] = (),
        secrets: Mapping[str, str] | None = None,
    ) -> bytes:
        """What `git ARGUMENTS` prints; `given` is its input, `index` another index file than the repository's.

        `secrets` are variables for git that no list of processes shows.

        Raises `GitError` with git's own words.
        """
        environment = {name: value for name, value in os.environ.items() if name not in _FOREIGN} | {"LC_ALL": "C"}
        environment |= secrets or {}
        if index is not None:
            environment["GIT_INDEX_FILE"] = str(index)
        # A file system monitor that git starts would inherit our lock and keep it.
        command = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false", *by]
        done = subprocess.run(
            [*command, *arguments],
            cwd=self.root,
            env=environment,
            input=given,
            capture_output=True,
            check=False,
            pass_fds=self.held,
        )
        if done.returncode:
            problem = done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"
            raise GitError(f"git {arguments[0]} failed in {self.root}: {problem}")
        return done.stdout

    def commit_at(self, revision: str) -> str | None:
        """The commit that `revision` names, or None."""
        try:
            return self.run("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").decode().strip()
        except GitError:
            return None

    def contains(self, commit: str, older: str) -> bool:
        """Whether `older` is `commit` or one of those that it is made on."""
        try:
            self.run("merge-base", "--is-ancestor", older, commit)
        except GitError:
            return False
        return True

    def latest(self) -> str:
        """The commit that is checked out; raises `SlipwayError` when there is none yet."""
        commit = self.commit_at("HEAD")
        if commit is None:
            raise SlipwayError(f"{self.root} has no commit yet", fix="git add . && git commit -m 'Start'")
        return commit

    def head(self) -> Head:
        """The branch that is checked out and its commit; raises `SlipwayError` when HEAD is detached or unborn."""
        found = self.checked_out()
        if not found.branch:
            raise SlipwayError(
                f"HEAD is detached at {found.commit[:12]}: there is no branch to commit on",
                fix="git switch main (or git switch -c NAME to keep what is checked out)",
            )
        return found

    def checked_out(self) -> Head:
        """The commit that is checked out and its branch, which is empty when HEAD is detached."""
        commit = self.latest()
        try:
            return Head(self.run("symbolic-ref", "--quiet", "--short", "HEAD").decode().strip(), commit)
        except GitError:
            return Head("", commit)

    def identity(self) -> str:
        """Who commits here, `Name <address>`; raises `SlipwayError` when git was never told."""
        try:
            strict = ("-c", "user.useConfigOnly=true")
            people = [self.run("var", f"GIT_{role}_IDENT", by=strict).decode() for role in ("COMMITTER", "AUTHOR")]
        except GitError as error:
            raise SlipwayError(
                "git does not know who you are, and every change of a release names who made it",
                fix="git config user.name 'Your Name' && git config user.email you@example.org",
            ) from error
        return re.sub(r" \d+ [+-]\d+\s*$", "", people[1])

    def dirty(self, *paths: str) -> list[str]:
        """Files (below `paths`, else anywhere) that are changed, staged or new against what is checked out."""
        entries = self.run(
            "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--", *paths
        ).split(b"\0")
        return sorted(os.fsdecode(entry[3:]) for entry in entries if entry)

    def ready(self, *paths: str) -> Head:
        """The head, when a commit can be made on it: see `settle`."""
        head = self.head()
        self.settle(*paths)
        return head

    def settle(self, *paths: str) -> None:
        """Heal what a killed run left; whatever is below `paths` (else all) has to be committed.

        Raises `SlipwayError` that names what is not, and when nobody is there to commit as.
        """
        self.identity()
        with worktree.locked(self):
            dirty = self.dirty(*paths)
        if secret := [path for path in dirty if _is_credential(path)]:
            raise SlipwayError(
                f"not ignored, and looks like a credential: {listed(secret, 5)}",
                fix="move it out of the repository, or name it in .gitignore; never commit it",
            )
        if dirty:
            raise SlipwayError(
                f"not everything is committed: {listed(dirty, 5)}",
                fix="git add and git commit it, or git stash --include-untracked; a release is made from a commit",
            )

    def blobs(self, commit: str, *paths: str) -> dict[str, str]:
        """The files of a commit below `paths` as {path: the id of its content}."""
        found = {}
        for entry in self.run("ls-tree", "-r", "-z", commit, "--", *paths).split(b"\0"):
            if entry:
                kind, _, path = entry.partition(b"\t")
                _, type_, blob = kind.decode().split()
                if type_ == "blob":
                    found[os.fsdecode(path)] = blob
        return found

    def files(self, commit: str, folder: str) -> dict[str, bytes]:
        """The files of a commit below `folder` as {path within the folder: content}; empty when there is none."""
        blobs = self.blobs(commit, f"{folder}/")
        contents = self.read(list(blobs.values()))
        return {path.removeprefix(f"{folder}/"): contents[blob] or b"" for path, blob in blobs.items()}

    def read(self, names: Sequence[str]) -> dict[str, bytes | None]:
        """The contents of objects, named by id or as `<commit>:<path>`; None for what does not exist."""
        if not names:
            return {}
        output = self.run("cat-file", "--batch", given="".join(f"{name}\n" for name in names).encode())
        found: dict[str, bytes | None] = {}
        position = 0
        for name in names:
            end = output.index(b"\n", position)
            *_, last = output[position:end].split(b" ")
            position = end + 1
            found[name] = None
            if last != b"missing":
                found[name] = output[position : position + int(last)]
                position += int(last) + 1
        return found

    def commit(
        self,
        changes: Mapping[str, bytes | None],
        message: str,
        *,
        branch: str,
        parent: str,
        expected: str | None = None,
    ) -> str:
        """Commit `changes` ({path: content, or None to remove it}) on top of `parent` and move `branch` there.

        Where the branch is checked out here, the work tree and the index follow, for just these paths; a kill at any
        moment is healed by the next run. `expected` is where the branch has to stand (`parent` unless given).
        Raises `Moved` when it does not: then nothing has changed.
        """
        expected = expected or parent
        with worktree.locked(self):
            if (self.commit_at(f"refs/heads/{branch}") or NOWHERE) != expected:
                raise Moved(branch)
            new = self._write(changes, message, parent)
            paths = sorted(changes) if self.checked_out().branch == branch else []
            with worktree.following(self, branch, expected, new, paths):
                self._move(branch, new, expected, message)
        return new

    def record(self, changes: Mapping[str, bytes | None], message: str, parent: str) -> str:
        """A commit of `changes` on top of `parent`, which no branch knows of yet."""
        with worktree.locked(self):
            return self._write(changes, message, parent)

    def _write(self, changes: Mapping[str, bytes | None], message: str, parent: str) -> str:
        """Write a commit's objects, by an index of its own."""
        index = worktree.scratch(self) / "commit-index"
        self.run("read-tree", parent, index=index)
        self.stage(
            {
                path: None
                if content is None
                else self.run("hash-object", "-w", "--stdin", given=content).decode().strip()
                for path, content in changes.items()
            },
            index,
        )
        tree = self.run("write-tree", index=index).decode().strip()
        return self.run("commit-tree", tree, "-p", parent, "-F", "-", given=message.encode()).decode().strip()

    def stage(self, blobs: Mapping[str, str | None], index: Path) -> None:
        """Put {path: id of its content, or None for no such file} into an index."""
        lines = [f"100644 {blob}\t{path}" if blob else f"0 {NOWHERE}\t{path}" for path, blob in blobs.items()]
        self.run("update-index", "-z", "--index-info", given="\0".join([*lines, ""]).encode(), index=index)

    def _move(self, branch: str, new: str, old: str, message: str) -> None:
        try:
            self.run("update-ref", "-m", f"slipway: {message.splitlines()[0]}", f"refs/heads/{branch}", new, old)
        except GitError as error:
            if self.commit_at(f"refs/heads/{branch}") != (None if old == NOWHERE else old):
                raise Moved(branch) from error
            raise


def _is_credential(path: str) -> bool:
    """Tell by its name whether a file is likely to hold a secret."""
    return any(fnmatch(path.rpartition("/")[2].lower(), pattern) for pattern in _CREDENTIALS)
