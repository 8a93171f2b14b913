"""Objects of a git repository, read by one `git cat-file --batch` that stays open."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple, cast

__all__ = ["Entry", "Object", "Reader", "ReaderEnded", "entries"]

# Names are sent in portions that fit into a pipe: git can answer them all before it reads on.
_PORTION = 8_192


class Object(NamedTuple):
    """An object of the repository."""

    id: str
    type: str
    content: bytes


class Entry(NamedTuple):
    """An entry of a tree object."""

    name: str
    mode: str
    """`100644`, `100755` or `120000` for files and links, `40000` for trees, `160000` for other repositories."""
    id: str


class ReaderEnded(Exception):  # noqa: N818 - its words are git's, and become a `GitError`
    """The git process ended before it had answered."""


class Reader:
    """Read objects by name; the git process starts at the first question and ends with this object."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._command, self._folder, self._environment = command, folder, environment
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes]
        self._owner = 0
        self._end: Callable[[], object] = lambda: None

    def read(self, names: Sequence[str]) -> dict[str, Object | None]:
        """Return the objects as {name: object}, with None for what does not exist; raise `ReaderEnded`."""
        # The protocol has one name a line.
        found: dict[str, Object | None] = {name: None for name in names if "\n" in name}
        with self._turn:
            try:
                for portion in _portions(name for name in dict.fromkeys(names) if name not in found):
                    found |= self._exchange(portion)
            except BaseException:
                # The next answer of this process would be to an old question.
                self._process = None
                self._end()
                raise
        return found

    def _exchange(self, names: Sequence[str]) -> dict[str, Object | None]:
        process = self._running()
        questions, answers = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        try:
            questions.write(b"".join(os.fsencode(name) + b"\n" for name in names))
            questions.flush()
            return {name: self._answer(answers) for name in names}
        except BrokenPipeError as error:
            raise self._ended() from error

    def _answer(self, output: IO[bytes]) -> Object | None:
        head = output.readline()
        if not head:
            raise self._ended()
        words = head.decode(errors="replace").split()
        if not words[-1].isdigit():  # missing, ambiguous
            return None
        size = int(words[2])
        content = output.read(size + 1)
        if len(content) <= size:
            raise self._ended()
        return Object(words[0], words[1], content[:-1])

    def _running(self) -> subprocess.Popen[bytes]:
        # A forked process must not read the answers of its parent.
        if self._process is None or self._owner != os.getpid():
            self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the process
            # In a session of its own, Ctrl-C in a terminal does not end it in the middle of a commit.
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
            )
            self._owner = os.getpid()
            self._end = weakref.finalize(self, _end, self._process, self._errors, self._owner)
        return self._process

    def _ended(self) -> ReaderEnded:
        self._errors.seek(0)
        return ReaderEnded(self._errors.read().decode(errors="replace").strip() or "it ended without an answer")


def _end(process: subprocess.Popen[bytes], errors: IO[bytes], owner: int) -> None:
    """Close the pipes, at which git ends, and wait for that."""
    if owner == os.getpid():
        with process, errors:
            pass


def _portions(names: Iterable[str]) -> Iterator[list[str]]:
    portion: list[str] = []
    size = 0
    for name in names:
        size += len(os.fsencode(name)) + 1
        if portion and size > _PORTION:
            yield portion
            portion, size = [], len(os.fsencode(name)) + 1
        portion.append(name)
    if portion:
        yield portion


def entries(tree: Object) -> Iterator[Entry]:
    """Yield the entries of a tree object."""
    width, content, position = len(tree.id) // 2, tree.content, 0
    while position < len(content):
        space = content.index(b" ", position)
        end = content.index(b"\0", space)
        mode, name = content[position:space].decode(), os.fsdecode(content[space + 1 : end])
        position = end + 1 + width
        yield Entry(name, mode, content[end + 1 : position].hex())
