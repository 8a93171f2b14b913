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

    from slipway.git.repository import Repository

__all__ = ["following", "locked", "scratch"]

# Beside each file that is written; a fixed name, so that the next run finds what a kill left.
_DRAFT = ".slipway-draft"
_PATIENCE = 10.0  # seconds to wait for another git command
_STALE = 1.0  # seconds after which a lock of a killed git command counts as left behind; git holds them for less


def scratch(repository: Repository) -> Path:
    """Our folder in the git directory."""
    folder = repository.directory / "slipway"
    folder.mkdir(exist_ok=True)
    return folder


@contextlib.contextmanager
def locked(repository: Repository) -> Iterator[None]:
    """One process at a time in this work tree, and none begins before what a killed one left is healed."""
    with (scratch(repository) / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Git commands inherit the lock: one that outlives a kill -9 of ours still keeps the next run out.
        repository.held = (lock.fileno(),)
        try:
            with _uninterrupted():
                _heal(repository)
                yield
        finally:
            repository.held = ()


@contextlib.contextmanager
def following(repository: Repository, branch: str, old: str, new: str, paths: Sequence[str]) -> Iterator[None]:
    """Within the block the branch moves from `old` to `new`; after it, work tree and index have followed at `paths`.

    There are none for a branch that is not checked out here.
    """
    with _index_lock(repository) if paths else contextlib.nullcontext():
        journal = {"branch": branch, "old": old, "new": new, "paths": list(paths)}
        path = scratch(repository) / "journal"
        write(path, json.dumps(journal).encode())
        try:
            yield
        except BaseException:
            path.unlink()
            raise
        _follow(repository, journal)
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
def _index_lock(repository: Repository) -> Iterator[None]:
    """Git's own lock of the index, as a link to a file of ours: after a kill it is known to be ours."""
    marker, lock = scratch(repository) / "marker", repository.directory / "index.lock"
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


def _heal(repository: Repository) -> None:
    """Complete or forget what a killed run had begun; we hold the lock, so nothing of ours is at work."""
    folder = scratch(repository)
    marker, lock = folder / "marker", repository.directory / "index.lock"
    with contextlib.suppress(FileNotFoundError):
        if marker.samefile(lock):
            lock.unlink()
    for left in folder.iterdir():
        if left.name not in ("lock", "journal"):
            left.unlink()
    path = folder / "journal"
    if path.exists():
        journal = json.loads(path.read_bytes())
        _remove_stale(repository, journal["branch"])
        with _index_lock(repository):
            _follow(repository, journal)
        path.unlink()


def _remove_stale(repository: Repository, branch: str) -> None:
    """Locks of a branch's move that was killed together with its git command."""
    common = repository.directory / "commondir"
    shared = (repository.directory / common.read_text().strip()) if common.is_file() else repository.directory
    for lock in (shared / "refs" / "heads" / f"{branch}.lock", repository.directory / "HEAD.lock"):
        deadline = time.monotonic() + _STALE
        while lock.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        lock.unlink(missing_ok=True)


def _follow(repository: Repository, journal: dict[str, Any]) -> None:
    """Bring the journal's paths to what is checked out, but for files that hold what we never wrote."""
    paths: list[str] = journal["paths"]
    if not paths:
        return
    old, new, head = (_known(repository, commit, paths) for commit in (journal["old"], journal["new"], "HEAD"))
    contents = repository.read(sorted({blob for blobs in (old, new, head) for blob in blobs.values()}))
    contents[""] = None
    for path in paths:
        file = repository.root / path
        file.with_name(_DRAFT).unlink(missing_ok=True)
        ours = [contents[blobs.get(path, "")] for blobs in (old, new)]
        if _content(file) in ours:
            _put(repository.root, file, contents[head.get(path, "")])
    draft, index = scratch(repository) / "tree-index", repository.directory / "index"
    if index.exists():
        shutil.copyfile(index, draft)
    repository.stage({path: head.get(path) for path in paths}, draft)
    repository.run("update-index", "-q", "--unmerged", "--ignore-missing", "--refresh", index=draft)
    draft.replace(index)


def _known(repository: Repository, commit: str, paths: list[str]) -> dict[str, str]:
    return repository.blobs(commit, *paths) if repository.commit_at(commit) else {}


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
