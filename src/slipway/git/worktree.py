"""The work tree follows a commit that was made beside it; the next run completes the commit of a killed one.

The folder `slipway/` in the git directory holds a lock and a journal of the commit under way. The lock ends with the
last process that holds it, git commands included.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from slipway import digests
from slipway.errors import SlipwayError
from slipway.files import write
from slipway.git.commands import FOREIGN_REPOSITORY, Entry, Git, GitError, common
from slipway.text import listed

# Beside each file that is written; a fixed name, so that the next run finds what a kill left.
_DRAFT = ".slipway-draft"
_ABSENT = "absent"
_MOST_PATHS = 100  # that a command line is given
_PATIENCE = 10.0  # seconds to wait for another git command
_STALE = 1.0  # seconds after which a lock of a killed git command counts as left behind; git holds them for less


def scratch(git: Git) -> Path:
    """Return our folder in the git directory."""
    folder = git.directory / "slipway"
    folder.mkdir(exist_ok=True)
    return folder


@contextlib.contextmanager
def locked(git: Git) -> Iterator[None]:
    """Let one process at a time work here, and complete the commit of a killed one first."""
    with (scratch(git) / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Git commands inherit the lock: one that outlives a kill -9 of ours still keeps the next run out.
        git.held = (lock.fileno(),)
        try:
            with _uninterrupted():
                _heal(git)
                yield
        finally:
            git.held = ()


@contextlib.contextmanager
def following(
    git: Git, branch: str, old: str, new: str, paths: Sequence[str], *, strict: bool = False
) -> Iterator[None]:
    """Move the branch from `old` to `new` within the block; after it, work tree and index have followed at `paths`.

    There are no paths for a branch that is not checked out here. A file that a person changed stays as it is;
    `strict` raises `GitError` for it, and then nothing has changed.
    """
    with _index_lock(git) if paths else contextlib.nullcontext():
        own = _own(git, old, paths) if paths else {}
        if strict and (foreign := [path for path in paths if path not in own]):
            fix = "git add and git commit it, or git stash --include-untracked"
            raise GitError(f"{listed(foreign, 5)} would be overwritten: {branch} moves on to {new[:12]}", fix=fix)
        journal = {"branch": branch, "old": old, "new": new, "paths": list(paths), "own": own}
        path = scratch(git) / "journal"
        write(path, json.dumps(journal).encode())
        try:
            yield
        except BaseException:
            path.unlink()
            raise
        _follow(git, journal)
        path.unlink()


def _own(git: Git, commit: str, paths: Sequence[str]) -> dict[str, str]:
    """Return the state of the files that are as the commit has them, {path: state}; see `_state`."""
    states = {path: _state(git.root / path) for path in paths}
    entries = git.entries(commit, paths)
    contents = git.read([entry.id for entry in entries.values() if entry.mode != FOREIGN_REPOSITORY])
    raw = {path: _state_of(entry.mode, contents.get(entry.id) or b"") for path, entry in entries.items()}
    # Git knows of line ends, filters and ignored files.
    others = [path for path in paths if states[path] != raw.get(path, _ABSENT)]
    changed = set(git.dirty(*others) if len(others) < _MOST_PATHS else git.dirty()) if others else set()
    return {path: state for path, state in states.items() if path not in changed}


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Hold back SIGINT and SIGTERM until the block has ended."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _index_lock(git: Git) -> Iterator[None]:
    """Hold git's own lock of the index. It is a link to a file of ours, so that it is known as ours after a kill."""
    marker, lock = scratch(git) / "marker", git.directory / "index.lock"
    marker.touch()
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            os.link(marker, lock)
            break
        except FileExistsError:
            if time.monotonic() > deadline:
                raise SlipwayError(
                    f"another git command is at work here, or was killed: {lock} exists",
                    fix=f"when no other git command runs: rm {lock}",
                ) from None
            time.sleep(0.05)
    try:
        yield
    finally:
        lock.unlink()
        marker.unlink()


def _heal(git: Git) -> None:
    """Complete or forget the commit of a killed run; we hold the lock, so no other run is at work."""
    folder = scratch(git)
    marker, lock = folder / "marker", git.directory / "index.lock"
    with contextlib.suppress(FileNotFoundError):
        if marker.samefile(lock):
            lock.unlink()
    for left in folder.iterdir():
        if left.is_dir():
            shutil.rmtree(left)
        elif left.name not in ("lock", "journal"):
            left.unlink()
    path = folder / "journal"
    if path.exists():
        journal = json.loads(path.read_bytes())
        _remove_stale(git, journal["branch"])
        with _index_lock(git):
            _follow(git, journal)
        path.unlink()


def _remove_stale(git: Git, branch: str) -> None:
    """Remove the locks that a killed git command left when it moved a branch."""
    for lock in (common(git.directory) / "refs" / "heads" / f"{branch}.lock", git.directory / "HEAD.lock"):
        deadline = time.monotonic() + _STALE
        while lock.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        lock.unlink(missing_ok=True)


def _follow(git: Git, journal: dict[str, Any]) -> None:
    """Bring the journal's paths to what is checked out; leave files that a person changed."""
    if not journal["paths"]:
        return
    # Journals of earlier releases do not say which files are our own.
    own = journal["own"] if "own" in journal else _own(git, journal["old"], journal["paths"])
    draft, index, forms = scratch(git) / "tree-index", git.directory / "index", scratch(git) / "forms"
    if index.exists():
        shutil.copyfile(index, draft)
    # Attributes come first: git writes the other files as they say.
    for paths in _grouped(journal["paths"]):
        entries = git.entries("HEAD", paths)
        _check_out(git, entries, paths, draft, forms / "head")
        new = git.entries(journal["new"], paths)
        if new != entries:
            _check_out(git, new, paths, forms / "new-index", forms / "new")
        known = forms / ("head" if new == entries else "new")
        # Removals come first: a file may give way to a folder of the same name, and the other way about.
        for path in sorted(paths, key=lambda path: path in entries):
            file = git.root / path
            file.with_name(_DRAFT).unlink(missing_ok=True)
            if _state(file) in (own.get(path), _state(known / path)):
                _put(git.root, file, forms / "head" / path if path in entries else None)
        shutil.rmtree(forms)
    git.run("update-index", "-q", "--unmerged", "--ignore-missing", "--refresh", variables=_index(draft))
    draft.replace(index)


def _grouped(paths: Sequence[str]) -> list[list[str]]:
    first = [path for path in paths if path.rpartition("/")[2] == ".gitattributes"]
    groups = [first, [path for path in paths if path not in set(first)]]
    return [group for group in groups if group]


def _check_out(git: Git, entries: Mapping[str, Entry], paths: Sequence[str], index: Path, folder: Path) -> None:
    """Put the entries of these paths into an index, and the files, as git writes them, into a folder."""
    folder.mkdir(parents=True)
    lines = [
        f"{entries[path].mode} {entries[path].id}\t{path}" if path in entries else f"0 {'0' * 40}\t{path}"
        for path in paths
    ]
    git.run("update-index", "-z", "--index-info", given=_ended(lines), variables=_index(index))
    if entries:
        options = ("-q", "-z", "--stdin", f"--prefix={folder}/")
        git.run("checkout-index", *options, given=_ended(entries), variables=_index(index))


def _index(file: Path) -> dict[str, str]:
    return {"GIT_INDEX_FILE": str(file)}


def _ended(words: Iterable[str]) -> bytes:
    return os.fsencode("".join(f"{word}\0" for word in words))


def _state(file: Path) -> str:
    """Return mode and digest of a file or a link, or a mark for anything else."""
    try:
        if file.is_symlink():
            return _state_of("120000", os.fsencode(file.readlink()))
        mode = "100755" if file.stat().st_mode & 0o100 else "100644"
        return f"{mode} {digests.of_file(file)}"
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return _ABSENT


def _state_of(mode: str, content: bytes) -> str:
    return f"{mode} {digests.of_bytes(content)}"


def _put(root: Path, file: Path, form: Path | None) -> None:
    """Write a file in one move, as `form` is, or remove it with the folders that it leaves empty."""
    if _is_folder(file) or (form and _is_folder(form)):  # a folder in the place of a file, or another repository
        return
    if form:
        if _state(file) != _state(form):
            file.parent.mkdir(parents=True, exist_ok=True)
            draft = file.with_name(_DRAFT)
            shutil.copy(form, draft, follow_symlinks=False)
            draft.replace(file)
        return
    file.unlink(missing_ok=True)
    for folder in file.parents:
        if folder == root or not folder.is_dir() or any(folder.iterdir()):
            break
        folder.rmdir()


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
