"""A store in a directory: one file per object, made visible whole by a hard link, which the system grants once."""

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

# Drafts lie in one place inside the directory (links do not cross file systems). What is in it while nothing is being
# published was left by killed processes and may be deleted.
_DRAFTS = ".drafts"


class LocalBackend:
    """The objects below a directory, which is made with the first of them."""

    parallel = 1  # one disk: more writers at once are not faster

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
        """See `Backend.children`; hidden files are nobody's objects."""
        path = self._path(folder)
        with explained("list", path), suppress(FileNotFoundError, NotADirectoryError):
            found = [entry.name + "/" * entry.is_dir() for entry in path.iterdir()]
            return sorted(name for name in found if not name.startswith("."))
        return []

    def url(self, key: str) -> str:
        """The path of the file."""
        return str(self._path(key))

    def _path(self, key: str) -> Path:
        if key.startswith("/") or ".." in key.split("/"):
            raise SlipwayError(f"{key!r} would lie outside of the store {self._root}")
        return self._root / key

    @contextmanager
    def _draft(self, source: Path | bytes) -> Iterator[Path]:
        """A hidden file with the content of `source`, on the disk for good, that goes when the block ends."""
        folder = self._root / _DRAFTS
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder) as file:
            _fill(file, source)
            # Readable for the others on this machine, and writable for nobody: what is in a store is never changed.
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
    """Bring the new name to the disk as well: a power cut must not take back what was reported as published."""
    with suppress(OSError):  # some network file systems cannot, and say so
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
