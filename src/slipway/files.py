"""Files and folders that are written whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from slipway.errors import SlipwayError

_ATTEMPTS = 10
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS)


def write(path: Path, content: bytes) -> None:
    """Put `content` at `path` in one move; a reader sees the old file or the new one, never a part.

    When this returns, the content survives a power cut. A kill leaves only a hidden file beside it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=_hidden(path))
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yield a folder to fill; it gets its name `path` only when the block ends without an error.

    It replaces a folder at `path`. After a kill, `path` is the old folder, the new one, or absent, never a part of
    either. All remains are in hidden folders beside it.
    Raise `SlipwayError` when `path` is a file, or holds the folder that the process is in.
    """
    path = _free(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=path.parent, prefix=_hidden(path)))
    try:
        draft.chmod(0o755)
        yield draft
        _put(draft, path)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _free(path: Path) -> Path:
    """Return `path` without links; raise `SlipwayError` when no folder may be made or replaced there."""
    path = path.resolve()
    if path.exists() and not path.is_dir():
        raise SlipwayError(f"{path} is a file, and a folder is to be made there", fix="name another place")
    try:
        here = Path.cwd()
    except FileNotFoundError:  # somebody removed it
        return path
    if here.is_relative_to(path):
        fix = "name a folder below this one, or one somewhere else"
        raise SlipwayError(f"{path} is the folder you are in, or holds it: it would be replaced", fix=fix)
    return path


def _put(draft: Path, path: Path) -> None:
    """Give `draft` the name `path`; the folder that has it now moves aside first, then is removed."""
    for attempt in range(_ATTEMPTS):
        aside = Path(tempfile.mkdtemp(dir=path.parent, prefix=_hidden(path)))
        try:
            with suppress(FileNotFoundError):
                path.rename(aside / "old")
            draft.rename(path)
        except BaseException as error:
            if (aside / "old").exists() and not path.exists():
                (aside / "old").rename(path)
            # Another process put a folder there in between: the last one stays.
            if getattr(error, "errno", None) not in (errno.ENOTEMPTY, errno.EEXIST) or attempt + 1 == _ATTEMPTS:
                raise
        else:
            return
        finally:
            shutil.rmtree(aside, ignore_errors=True)


def link_tree(source: Path, target: Path) -> None:
    """Make the files below `source` appear below `target`: by hard link, or by copy where links do not reach.

    A file is one and the same in both then: replace it, as `write` does, and never write into it.
    """
    target.mkdir(parents=True, exist_ok=True)
    for entry in sorted(source.iterdir()):
        if entry.is_dir():
            link_tree(entry, target / entry.name)
        else:
            _link(entry.resolve(), target / entry.name)


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except FileExistsError:
        raise
    except OSError:
        shutil.copyfile(source, target)


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk, so that a power cut undoes none of them."""
    with suppress(OSError):  # some network file systems cannot
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _hidden(path: Path) -> str:
    return f".{path.name[:40]}."


@contextmanager
def explained(action: str, path: Path) -> Iterator[None]:
    """Turn an `OSError` of the block into a `SlipwayError` that says what could not be done, where, and what to do."""
    try:
        yield
    except OSError as error:
        reason, fix = error.strerror or str(error), f"look at {path} and run it again"
        if error.errno in _FULL:
            reason, fix = "the disk or the quota is full", "make room and run it again; nothing is left half-written"
        elif error.errno in _REFUSED:
            fix = f"give this user the right to it (`ls -ld {path}` shows whose it is), or use another directory"
        raise SlipwayError(f"cannot {action} {path}: {reason}", fix=fix) from error
