"""Places for objects: their interface, and the directory, with one file per object."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Protocol

from slipway.errors import SlipwayError
from slipway.files import explained, sync_folder


class Missing(LookupError):  # noqa: N818 - a finding, which its callers turn into an error or not
    """Say that no object has the key."""


class Backend(Protocol):
    """Hold objects under keys, which are POSIX paths such as `iris/versions/7.json`.

    No object is changed or removed. Every method raises `SlipwayError` when the place cannot be reached or refuses. The
    error says what to do.
    """

    @property
    def parallel(self) -> int:
        """Return the useful number of simultaneous transfers."""

    def create(self, key: str, source: Path | bytes) -> bool:
        """Create an object and return True. If the key is taken, change nothing and return False.

        The result is also False when an earlier try of the same call succeeded and its answer was lost. To tell
        the two cases apart, read the object.
        """

    def read(self, key: str) -> bytes:
        """Return the content of a small object. Raise `Missing` when there is none."""

    def download(self, key: str, target: Path) -> None:
        """Write an object of any size to the file `target`. Raise `Missing` when there is none."""

    def size(self, key: str) -> int | None:
        """Return the size of an object in bytes, or None if there is none."""

    def children(self, folder: str) -> list[str]:
        """Return the names directly below `folder` ("" is the top). Names of folders end with a slash."""

    def url(self, key: str) -> str:
        """Return the address of an object for messages."""


# Drafts lie inside the directory, because links do not cross file systems. Files that stay there after a publication
# come from killed processes and may be deleted.
_DRAFTS = ".drafts"


class LocalBackend:
    """Hold the objects below a directory. The first object creates the directory.

    A hard link makes a whole file visible, and only once.
    """

    parallel = 1  # one disk is not faster with more writers

    def __init__(self, root: Path) -> None:
        self._root = root

    def create(self, key: str, source: Path | bytes) -> bool:
        target = self._path(key)
        with explained("write", target):
            if target.exists():
                return False
            with self._draft(source) as draft:
                return _link(draft, target)

    def read(self, key: str) -> bytes:
        with explained("read", self._path(key)), _missing(key):
            return self._path(key).read_bytes()

    def download(self, key: str, target: Path) -> None:
        with explained("read", self._path(key)), _missing(key):
            source = self._path(key).open("rb")
        with source, explained("write", target), target.open("wb") as file:
            shutil.copyfileobj(source, file)

    def size(self, key: str) -> int | None:
        with explained("read", self._path(key)), suppress(FileNotFoundError):
            return self._path(key).stat().st_size
        return None

    def children(self, folder: str) -> list[str]:
        path = self._path(folder)
        with explained("list", path), suppress(FileNotFoundError, NotADirectoryError):
            found = [entry.name + "/" * entry.is_dir() for entry in path.iterdir()]
            return sorted(name for name in found if not name.startswith("."))  # a hidden file is no object
        return []

    def url(self, key: str) -> str:
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
    sync_folder(target.parent)
    return True


@contextmanager
def _missing(key: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise Missing(key) from None
