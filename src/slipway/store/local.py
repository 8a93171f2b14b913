"""A store in a directory: one file per object. A hard link makes the whole file visible, and only once."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

from slipway.errors import SlipwayError
from slipway.files import explained
from slipway.store.backend import Missing

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LocalBackend"]

# Drafts lie inside the directory, because links do not cross file systems. Files that stay there after a publication
# come from killed processes and may be deleted.
_DRAFTS = ".drafts"


class LocalBackend:
    """Hold the objects below a directory. The first object creates the directory."""

    parallel = 1  # one disk is not faster with more writers

    def __init__(self, root: Path) -> None:
        self._root = root

    def create(self, key: str, source: Path | bytes) -> bool:
        """See `Backend.create`."""
        target = self._path(key)
        with explained("write", target):
            if target.exists():
                return False
            with self._draft(source) as draft:
                return _link(draft, target)

    def read(self, key: str) -> bytes:
        """See `Backend.read`."""
        with explained("read", self._path(key)), _missing(key):
            return self._path(key).read_bytes()

    def download(self, key: str, target: Path) -> None:
        """See `Backend.download`."""
        with explained("read", self._path(key)), _missing(key):
            source = self._path(key).open("rb")
        with source, explained("write", target), target.open("wb") as file:
            shutil.copyfileobj(source, file)

    def size(self, key: str) -> int | None:
        """See `Backend.size`."""
        with explained("read", self._path(key)), suppress(FileNotFoundError):
            return self._path(key).stat().st_size
        return None

    def children(self, folder: str) -> list[str]:
        """See `Backend.children`. Hidden files are not objects."""
        path = self._path(folder)
        with explained("list", path), suppress(FileNotFoundError, NotADirectoryError):
            found = [entry.name + "/" * entry.is_dir() for entry in path.iterdir()]
            return sorted(name for name in found if not name.startswith("."))
        return []

    def url(self, key: str) -> str:
        """Return the path of the file."""
        return str(self._path(key))

    def _path(self, key: str) -> Path:
        if key.startswith("/") or ".." in key.split("/"):
            raise SlipwayError(f"{key!r} would lie outside of the store {self._root}")
        return self._root / key

    @contextmanager
    def _draft(self, source: Path | bytes) -> Iterator[Path]:
        """Write `source` to a hidden file and flush it to the disk. Remove the file when the block ends."""
        folder = self._root / _DRAFTS
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            _fill(file, source)
            # Everybody on this machine may read the file. Nobody may write it, because objects never change.
            Path(file.name).chmod(0o444)
            yield Path(file.name)


def _fill(file: IO[bytes], source: Path | bytes) -> None:
    if isinstance(source, bytes):
        file.write(source)
    else:
        with source.open("rb") as content:
            shutil.copyfileobj(content, file)
    file.flush()
    os.fsync(file.fileno())


def _link(draft: Path, target: Path) -> bool:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        target.hardlink_to(draft)
    except FileExistsError:
        return False
    _sync_folder(target.parent)
    return True


def _sync_folder(folder: Path) -> None:
    """Flush the new name to the disk, so that a power cut cannot undo a publication."""
    with suppress(OSError):  # some network file systems do not support it
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextmanager
def _missing(key: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise Missing(key) from None
