"""Git commands in one work tree, and what commits hold."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from slipway.errors import SlipwayError
from slipway.git.reader import Entry, Object, Reader, ReaderEnded, entries

__all__ = ["Git", "GitError"]

# Git sets these for its hooks and aliases; they would turn our commands to another index or repository.
_FOREIGN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
# A file system monitor that git starts would inherit our lock and keep it.
_COMMAND = ("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false")
_TREE, _FOREIGN_REPOSITORY = "40000", "160000"


class GitError(SlipwayError):
    """A git command that failed; the message is git's own."""


class Git:
    """Git commands in the work tree `root`, whose git directory is `directory`."""

    directory: Path

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.held: tuple[int, ...] = ()
        """Open files that git commands inherit."""
        self._reader = Reader([*_COMMAND, "cat-file", "--batch"], self.root, _environment())

    def run(
        self,
        *arguments: str,
        given: bytes = b"",
        index: Path | None = None,
        by: Sequence[str] = (),
        secrets: Mapping[str, str] | None = None,
    ) -> bytes:
        """Return what `git ARGUMENTS` prints; raise `GitError` with git's own words.

        `given` is its input, `index` another index file than the repository's, `by` are options of git itself.
        `secrets` are variables for git that no list of processes shows.
        """
        environment = {**_environment(), **(secrets or {})}
        if index is not None:
            environment["GIT_INDEX_FILE"] = str(index)
        done = subprocess.run(
            [*_COMMAND, *by, *arguments],
            cwd=self.root,
            env=environment,
            input=given,
            capture_output=True,
            check=False,
            pass_fds=self.held,
        )
        if done.returncode:
            problem = done.stderr.decode(errors="replace").strip() or f"exit status {done.returncode}"
            raise self._failed(arguments[0], problem)
        return done.stdout

    def objects(self, names: Sequence[str]) -> dict[str, Object | None]:
        """Return objects, named by id or as `<commit>:<path>`; None for what does not exist.

        One git process answers all questions of this kind. Raise `GitError` when it ends.
        """
        try:
            return self._reader.read(names) if names else {}
        except ReaderEnded as error:
            raise self._failed("cat-file", str(error)) from error

    def read(self, names: Sequence[str]) -> dict[str, bytes | None]:
        """Return the contents of objects; see `objects`."""
        return {name: found.content if found else None for name, found in self.objects(names).items()}

    def commit_at(self, revision: str) -> str | None:
        """Return the id of the commit that `revision` names, or None."""
        name = f"{revision}^{{commit}}"
        found = self.objects([name])[name]
        return found.id if found else None

    def contains(self, commit: str, older: str) -> bool:
        """Tell whether `older` is `commit` or one of its ancestors."""
        try:
            self.run("merge-base", "--is-ancestor", older, commit)
        except GitError:
            return False
        return True

    def entries(self, commit: str, paths: Iterable[str]) -> dict[str, Entry]:
        """Return the files and links that a commit has at these paths as {path: entry}."""
        wanted = list(paths)
        folders = {path: f"{commit}:{path.rpartition('/')[0]}" for path in wanted}
        trees = self.objects(sorted(set(folders.values())))
        found = {
            folder: {entry.name: entry for entry in entries(tree)}
            for folder, tree in trees.items()
            if tree and tree.type == "tree"
        }
        each = {path: found.get(folders[path], {}).get(path.rpartition("/")[2]) for path in wanted}
        return {path: entry for path, entry in each.items() if entry and entry.mode != _TREE}

    def blobs(self, commit: str, *paths: str) -> dict[str, str]:
        """Return the files of a commit below `paths` (else all) as {path: id of its content}."""
        tops = [path.rstrip("/") for path in paths] or [""]
        objects = self.objects([f"{commit}:{path}" for path in tops])
        if None in objects.values() and self.objects([f"{commit}^{{tree}}"])[f"{commit}^{{tree}}"] is None:
            raise self._failed("ls-tree", f"not a valid object name: {commit}")
        tops_found = {path: objects[f"{commit}:{path}"] for path in tops}
        found = {
            path: top.id for path, top in tops_found.items() if top and top.type == "blob" and f"{path}/" not in paths
        }
        trees = {path: top for path, top in tops_found.items() if top and top.type == "tree"}
        while trees:
            below = {(f"{path}/" if path else "") + each.name: each for path in trees for each in entries(trees[path])}
            found |= {path: each.id for path, each in below.items() if each.mode not in (_TREE, _FOREIGN_REPOSITORY)}
            folders = {path: each.id for path, each in below.items() if each.mode == _TREE}
            read = self.objects(list(folders.values()))
            trees = {path: tree for path, id_ in folders.items() if (tree := read[id_])}
        return dict(sorted(found.items()))

    def files(self, commit: str, folder: str) -> dict[str, bytes]:
        """Return the files of a commit below `folder` as {path within the folder: content}."""
        blobs = self.blobs(commit, f"{folder}/")
        contents = self.read(list(blobs.values()))
        return {path.removeprefix(f"{folder}/"): contents[blob] or b"" for path, blob in blobs.items()}

    def changed(self, old: str, new: str) -> list[str]:
        """Return the paths of the files that two commits have differently."""
        found = self.run("diff-tree", "-r", "-z", "--no-renames", "--name-only", old, new)
        return [os.fsdecode(path) for path in found.split(b"\0") if path]

    def dirty(self, *paths: str) -> list[str]:
        """Return the files (below `paths`, else anywhere) that are changed, staged or new."""
        entries = self.run(
            "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--", *paths
        ).split(b"\0")
        return sorted(os.fsdecode(entry[3:]) for entry in entries if entry)

    def _failed(self, command: str, problem: str) -> GitError:
        return GitError(f"git {command} failed in {self.root}: {problem}")


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in _FOREIGN} | {"LC_ALL": "C"}
