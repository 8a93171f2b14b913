"""Git commands in one work tree, and the objects of its commits, read by one git process that stays open."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, groupby
from pathlib import Path
from typing import IO, NamedTuple, cast

from slipway.errors import SlipwayError
from slipway.git.configuration import COMMAND, environment

_TREE, FOREIGN_REPOSITORY = "40000", "160000"
_WHOLE = "clone the repository without --filter; or give GITHUB_TOKEN, by which git fetches what this clone has not"
# Names are sent in portions of about this size, which fit into a pipe: git can answer them all before it reads on.
_PORTION = 8_192
# The end of a revision that leads from a reference to another commit.
_SUFFIX = re.compile(r"[~^:]|@\{")
_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_SHORT_ID = re.compile(r"[0-9a-f]{4,63}")
# Names that no tag can take: git looks for these first.
_UNIQUE = re.compile(r"|@|HEAD|refs/.*|[0-9a-f]{40}|[0-9a-f]{64}", re.DOTALL)


class GitError(SlipwayError):
    """A git command that failed; the message is git's own."""

    printed = ""
    """What the command printed beside its message."""


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


class Git:
    """Git commands in the work tree `root`, whose git directory is `directory`."""

    directory: Path

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.held: tuple[int, ...] = ()
        """Open files that git commands inherit."""
        self.variables: Mapping[str, str] = {}
        """The variables of all commands here; a partial clone fetches what it lacks by them."""
        self._reader = _Reader(self)

    def run(
        self, *arguments: str, given: bytes = b"", by: Sequence[str] = (), variables: Mapping[str, str] | None = None
    ) -> bytes:
        """Return what `git ARGUMENTS` prints; raise `GitError` with git's own words.

        `given` is its input, `by` are options of git itself. `variables` are added to its environment, where no list
        of processes shows them.
        """
        done = subprocess.run(
            [*COMMAND, *by, *arguments],
            cwd=self.root,
            env=environment({**self.variables, **(variables or {})}),
            input=given,
            capture_output=True,
            check=False,
            pass_fds=self.held,
        )
        if done.returncode:
            said = done.stderr.strip() or f"exit status {done.returncode}".encode()
            error = _failed(arguments[0], self.root, said)
            error.printed = done.stdout.decode(errors="replace")
            raise error
        return done.stdout

    def objects(self, names: Sequence[str]) -> dict[str, Object | None]:
        """Return objects, named by id or as `<commit>:<path>`; None for what does not exist.

        One git process answers all questions of this kind. Raise `GitError` when it ends, and for an id that is
        missing: a tree names it, so the clone is damaged.
        """
        found = self._reader.read(names) if names else {}
        if lost := [name for name, there in found.items() if there is None and _ID.fullmatch(name)]:
            said = f"the object {lost[0]} is missing".encode()
            raise _failed("cat-file", self.root, said, "git fsck tells what else; or clone the repository anew")
        return found

    def read(self, names: Sequence[str]) -> dict[str, bytes | None]:
        """Return the contents of objects; see `objects`."""
        return {name: found.content if found else None for name, found in self.objects(names).items()}

    def commit_at(self, revision: str) -> str | None:
        """Return the id of the commit that `revision` names, or None.

        Raise `GitError` for a short name that a branch, a tag and the like share: git would silently take the tag.
        """
        name = f"{revision}^{{commit}}"
        places = _places(revision)
        objects = self.objects([name, *places.values()])
        meanings = {place: there.id for place, wanted in places.items() if (there := objects[wanted])}
        if meanings and _SHORT_ID.fullmatch(short := _SUFFIX.split(revision, maxsplit=1)[0]):
            ids = self.run("rev-parse", f"--disambiguate={short}").decode().split()
            meanings = {**{f"the object {each}": each for each in ids}, **meanings}
        if len({*meanings.values()}) > 1:
            fix = f"write it in full: {[*meanings][-1]}; or delete the tag"
            raise GitError(f"{revision!r} has several meanings here: {', '.join(meanings)}", fix=fix)
        found = objects[name]
        return found.id if found else None

    def contains(self, commit: str, older: str) -> bool:
        """Return whether `older` is `commit` or one of its ancestors."""
        try:
            self.run("merge-base", "--is-ancestor", older, commit)
        except GitError:
            return False
        return True

    def forks(self, one: str, other: str) -> list[str]:
        """Return the commits where two histories part, several after merges both ways; raise `GitError` for none."""
        return self.run("merge-base", "--all", one, other).decode().split()

    def entries(self, commit: str, paths: Iterable[str]) -> dict[str, Entry]:
        """Return the files and links that a commit has at these paths as {path: entry}."""
        wanted = list(paths)
        folders = {path: f"{commit}:{path.rpartition('/')[0]}" for path in wanted}
        trees = self.objects(sorted(set(folders.values())))
        found = {
            folder: {entry.name: entry for entry in _entries(tree)}
            for folder, tree in trees.items()
            if tree and tree.type == "tree"
        }
        each = {path: found.get(folders[path], {}).get(path.rpartition("/")[2]) for path in wanted}
        return {path: entry for path, entry in each.items() if entry and entry.mode != _TREE}

    def blobs(self, commit: str, *paths: str) -> dict[str, str]:
        """Return the files of a commit below `paths` (else all) as {path: id of its content}."""
        tops = {path: f"{commit}:{path.rstrip('/')}" for path in paths or ("",)}
        root = f"{commit}^{{tree}}"
        objects = self.objects([*tops.values(), root])
        if objects[root] is None:
            raise _failed("ls-tree", self.root, f"not a valid object name: {commit}".encode())
        there = {path: top for path, name in tops.items() if (top := objects[name])}
        found = {path: top.id for path, top in there.items() if top.type == "blob" and not path.endswith("/")}
        trees = {path.rstrip("/"): top for path, top in there.items() if top.type == "tree"}
        while trees:
            below = {(f"{path}/" if path else "") + each.name: each for path in trees for each in _entries(trees[path])}
            found |= {path: each.id for path, each in below.items() if each.mode not in (_TREE, FOREIGN_REPOSITORY)}
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


def common(directory: Path) -> Path:
    """Return the git directory that holds objects and branches: a linked work tree names it."""
    link = directory / "commondir"
    return directory / link.read_text().strip() if link.is_file() else directory


def _failed(command: str, root: Path, said: bytes, fix: str = "") -> GitError:
    return GitError(f"git {command} failed in {root}: {said.decode(errors='replace').strip()}", fix=fix)


def _places(revision: str) -> dict[str, str]:
    """Return {full reference: its commit, as git reads it} for everything that a short name may stand for."""
    name = _SUFFIX.split(revision, maxsplit=1)[0]
    if _UNIQUE.fullmatch(name):
        return {}
    kinds = (f"refs/{name}", f"refs/tags/{name}", f"refs/heads/{name}", f"refs/remotes/{name}")
    return {place: f"{place}^{{commit}}" for place in kinds}


class _Reader:
    """Read objects by name; the git process starts at the first question and ends with this object."""

    def __init__(self, git: Git) -> None:
        self._folder, self._git = git.root, weakref.proxy(git)
        self._turn = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes]
        self._owner = 0
        self._end: Callable[[], object] = lambda: None

    def read(self, names: Sequence[str]) -> dict[str, Object | None]:
        """Return the objects as {name: object}, with None for what does not exist; raise `GitError`."""
        # The protocol has one name a line.
        found: dict[str, Object | None] = {name: None for name in names if "\n" in name}
        with self._turn:
            try:
                asked = [name for name in dict.fromkeys(names) if name not in found]
                ends = accumulate(len(os.fsencode(name)) + 1 for name in asked)
                for _, portion in groupby(zip(asked, ends, strict=True), key=lambda each: each[1] // _PORTION):
                    found |= self._exchange([name for name, _ in portion])
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
                [*COMMAND, "cat-file", "--batch"],
                cwd=self._folder,
                env=environment(self._git.variables),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
            )
            self._owner = os.getpid()
            self._end = weakref.finalize(self, _end, self._process, self._errors, self._owner)
        return self._process

    def _ended(self) -> GitError:
        self._errors.seek(0)
        said = self._errors.read() or b"it ended without an answer"
        return _failed("cat-file", self._folder, said, _WHOLE if b"promisor remote" in said else "")


def _end(process: subprocess.Popen[bytes], errors: IO[bytes], owner: int) -> None:
    """Close the pipes, at which git ends, and wait for that."""
    if owner == os.getpid():
        with process, errors:
            pass


def _entries(tree: Object) -> Iterator[Entry]:
    """Yield the entries of a tree object."""
    width, content, position = len(tree.id) // 2, tree.content, 0
    while position < len(content):
        space = content.index(b" ", position)
        end = content.index(b"\0", space)
        mode, name = content[position:space].decode(), os.fsdecode(content[space + 1 : end])
        position = end + 1 + width
        yield Entry(name, mode, content[end + 1 : position].hex())
