"""The contents of published files, each stored once under its digest."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from slipway import digests
from slipway.errors import SlipwayError
from slipway.files import explained
from slipway.store.backend import Backend, Missing
from slipway.store.records import File

T = TypeVar("T")


class Blobs:
    """Hold the objects `blobs/sha256/<digest>` of a store."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def put(self, files: Iterable[tuple[Path, File]]) -> None:
        """Upload the contents that the store lacks. The files must not change during the upload."""
        once = {file: path for path, file in files}
        self._each(lambda pair: self._put(*pair), once.items())

    def get(self, files: Mapping[str, File], folder: Path, *, what: str) -> None:
        """Write every file below `folder` under its name. Raise `SlipwayError` at the first corrupted file."""
        self._each(lambda pair: self._get(pair[1], folder / pair[0], f"{pair[0]} of {what}"), files.items())

    def faults(self, files: Mapping[str, File]) -> dict[str, str]:
        """Read every file, and return what is wrong with those that are missing or changed, by their names."""
        once = {file: name for name, file in sorted(files.items(), reverse=True)}
        found: dict[File, str] = {}
        with temporary_folder() as folder:
            self._each(lambda file: found.update({file: self._fault(file, folder / file.sha256)}), once)
        return {name: problem for name, file in sorted(files.items()) if (problem := found[file])}

    def _fault(self, file: File, target: Path) -> str:
        url = self._backend.url(_key(file))
        try:
            size = self._backend.size(_key(file))
            if size == file.size:
                self._backend.download(_key(file), target)
        except Missing:
            size = None
        except SlipwayError as error:
            return error.problem
        if size is None:
            return f"is missing in the store: {url}"
        if size != file.size:
            return f"was changed in the store: {url} has {size} bytes, not {file.size}"
        there = _file(target)
        target.unlink()
        return "" if there == file else f"was changed in the store: {url} has the sha256 {there.sha256}"

    def lacks(self, file: File) -> bool:
        """Return True if the store lacks the content. Raise `SlipwayError` when the stored size differs."""
        size = self._backend.size(_key(file))
        if size not in (None, file.size):
            raise self._corrupted("the file to be published", file, f"{size} bytes are there")
        return size is None

    def _put(self, file: File, path: Path) -> None:
        if self.lacks(file):
            self._backend.create(_key(file), path)

    def _get(self, file: File, target: Path, what: str) -> None:
        with explained("write", target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._backend.download(_key(file), target)
        except Missing:
            raise self._corrupted(what, file, "it is missing") from None
        found = _file(target)
        if found != file:
            raise self._corrupted(what, file, f"found sha256 {found.sha256}, {found.size} bytes")

    def _corrupted(self, what: str, file: File, found: str) -> SlipwayError:
        place = f"{self._backend.url(_key(file))}: expected sha256 {file.sha256}, {file.size} bytes"
        fix = "bring the object back from a backup, or delete it and publish the same files again"
        return SlipwayError(f"{what} is corrupted in the store: {place}; {found}. Nothing was written", fix=fix)

    def _each(self, call: Callable[[T], None], items: Iterable[T]) -> None:
        pool = ThreadPoolExecutor(self._backend.parallel)
        try:
            for done in [pool.submit(call, item) for item in items]:
                done.result()
        finally:
            pool.shutdown(cancel_futures=True)  # after an error, wait only for the transfers that have started


def files_of(folder: Path) -> dict[str, Path]:
    """Return the files of a folder to publish, by their path within it.

    Raise `SlipwayError` when there is no file, when a file would be skipped, or when a link leads out of the folder.
    """
    with explained("read", folder):
        if not folder.is_dir():
            fix = "give the one that holds the model's files"
            raise SlipwayError(f"there is no folder {folder} to publish", fix=fix)
        for path in _entries(folder):
            _check_entry(path, folder)
    files = digests.walk(folder)
    if not files:
        raise SlipwayError(f"the folder {folder} holds no file to publish", fix="save the model into it first")
    return files


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Make a folder below `TMPDIR` and remove it when the block ends."""
    with explained("make a folder in", Path(tempfile.gettempdir())):
        folder = tempfile.TemporaryDirectory(prefix="slipway-")
    with folder as name:
        yield Path(name)


@contextmanager
def private_copy(files: Mapping[str, Path]) -> Iterator[dict[str, tuple[Path, File]]]:
    """Copy the files, so that they cannot change between their digest and their upload.

    A file that changes in between would be stored for ever under a wrong digest.
    """
    with temporary_folder() as folder:
        copies = {}
        for number, (name, source) in enumerate(files.items()):
            target = folder / str(number)
            with explained("read", source):
                content = source.open("rb")
            with content, explained("write", target), target.open("wb") as file:
                shutil.copyfileobj(content, file)
            copies[name] = (target, _file(target))
        yield copies


def _entries(folder: Path) -> Iterator[Path]:
    # Path.rglob skips folders that it may not read.
    for path in sorted(folder.iterdir()):
        yield path
        if path.is_dir() and not path.is_symlink() and path.name != "__pycache__":
            yield from _entries(path)


def _check_entry(path: Path, folder: Path) -> None:
    if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        problem = f"is a link to {path.resolve()}, outside of the folder to publish"
    elif path.is_symlink() and not path.is_file():
        problem = f"is a link to {path.readlink()}, which is not a file"
    elif not path.is_file() and not path.is_dir():
        problem = "is neither a file nor a folder"
    else:
        return
    raise SlipwayError(f"{str(path)!r} {problem}", fix="put a plain file in its place, or take it out")


def _file(path: Path) -> File:
    return File(digests.of_file(path), path.stat().st_size)


def _key(file: File) -> str:
    return f"blobs/sha256/{file.sha256}"
