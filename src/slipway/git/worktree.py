"""The work tree follows a commit that was made beside it, and what a killed run left is completed by the next one.

All that is needed for that is kept in `slipway/` in the git directory: a lock, which ends with the last process that
holds it, git commands included, and a journal of the commit under way.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import time
from typing import TYPE_CHECKING, Any

from slipway.errors import SlipwayError
from slipway.files import write

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from slipway.git.commands import Git
    from slipway.git.objects import Entry

__all__ = ["following", "locked", "scratch"]

# Beside each file that is written; a fixed name, so that the next run finds what a kill left.
_DRAFT = ".slipway-draft"
_PATIENCE = 10.0  # seconds to wait for another git command
_STALE = 1.0  # seconds after which a lock of a killed git command counts as left behind; git holds them for less


def scratch(git: Git) -> Path:
    """Our folder in the git directory."""
    folder = git.directory / "slipway"
    folder.mkdir(exist_ok=True)
    return folder


@contextlib.contextmanager
def locked(git: Git) -> Iterator[None]:
    """One process at a time in this work tree, and none begins before what a killed one left is healed."""
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
def following(git: Git, branch: str, old: str, new: str, paths: Sequence[str]) -> Iterator[None]:
    """Within the block the branch moves from `old` to `new`; after it, work tree and index have followed at `paths`.

    There are none for a branch that is not checked out here.
    """
    with _index_lock(git) if paths else contextlib.nullcontext():
        journal = {"branch": branch, "old": old, "new": new, "paths": list(paths)}
        path = scratch(git) / "journal"
        write(path, json.dumps(journal).encode())
        try:
            yield
        except BaseException:
            path.unlink()
            raise
        _follow(git, journal)
        path.unlink()


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C and a polite end wait until the block has ended."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _index_lock(git: Git) -> Iterator[None]:
    """Git's own lock of the index, as a link to a file of ours: after a kill it is known to be ours."""
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
    """Complete or forget what a killed run had begun; we hold the lock, so nothing of ours is at work."""
    folder = scratch(git)
    marker, lock = folder / "marker", git.directory / "index.lock"
    with contextlib.suppress(FileNotFoundError):
        if marker.samefile(lock):
            lock.unlink()
    for left in folder.iterdir():
        if left.name not in ("lock", "journal"):
            left.unlink()
    path = folder / "journal"
    if path.exists():
        journal = json.loads(path.read_bytes())
        _remove_stale(git, journal["branch"])
        with _index_lock(git):
            _follow(git, journal)
        path.unlink()


def _remove_stale(git: Git, branch: str) -> None:
    """Locks of a branch's move that was killed together with its git command."""
    common = git.directory / "commondir"
    shared = (git.directory / common.read_text().strip()) if common.is_file() else git.directory
    for lock in (shared / "refs" / "heads" / f"{branch}.lock", git.directory / "HEAD.lock"):
        deadline = time.monotonic() + _STALE
        while lock.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        lock.unlink(missing_ok=True)


def _follow(git: Git, journal: dict[str, Any]) -> None:
    """Bring the journal's paths to what is checked out, but for files that hold what we never wrote."""
    paths: list[str] = journal["paths"]
    if not paths:
        return
    old, new, head = (git.entries(commit, paths) for commit in (journal["old"], journal["new"], "HEAD"))
    contents = git.read(sorted({entry.id for entries in (old, new, head) for entry in entries.values()}))

    def content(entries: dict[str, Entry], path: str) -> bytes | None:
        return contents[entries[path].id] if path in entries else None

    for path in paths:
        file = git.root / path
        file.with_name(_DRAFT).unlink(missing_ok=True)
        if _content(file) in (content(old, path), content(new, path)):
            _put(git.root, file, content(head, path))
    draft, index = scratch(git) / "tree-index", git.directory / "index"
    if index.exists():
        shutil.copyfile(index, draft)
    _stage(git, {path: head.get(path) for path in paths}, draft)
    git.run("update-index", "-q", "--unmerged", "--ignore-missing", "--refresh", index=draft)
    draft.replace(index)


def _stage(git: Git, entries: dict[str, Entry | None], index: Path) -> None:
    """Put {path: entry, or None for no such file} into an index."""
    lines = [
        f"{entry.mode} {entry.id}\t{path}" if entry else f"0 {'0' * 40}\t{path}" for path, entry in entries.items()
    ]
    git.run("update-index", "-z", "--index-info", given=os.fsencode("\0".join([*lines, ""])), index=index)


def _content(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None


def _put(root: Path, file: Path, content: bytes | None) -> None:
    """Write a file in one move, or remove it with the folders that it leaves empty."""
    if content is not None:
        if _content(file) != content:
            file.parent.mkdir(parents=True, exist_ok=True)
            draft = file.with_name(_DRAFT)
            draft.write_bytes(content)
            draft.replace(file)
        return
    file.unlink(missing_ok=True)
    for folder in file.parents:
        if folder == root or not folder.is_dir() or any(folder.iterdir()):
            break
        folder.rmdir()
