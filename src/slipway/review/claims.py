"""What a change claims: per overlay, its files on the base branch as it is now, and as a merge would leave them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from slipway.errors import SlipwayError
from slipway.overlays.overlay import is_own
from slipway.overlays.types import folder_of
from slipway.text import one_line, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slipway.git import Repository
    from slipway.settings import Settings

__all__ = [
    "Claim",
    "Compared",
    "Entry",
    "Violation",
    "claims",
    "compared",
    "entries",
    "own",
    "plain",
    "stray",
]

OVERLAYS = "overlays/"
_FILE = "100644"
# For people, and nothing that a cluster reads.
_WORDS = ("README.md", ".gitkeep")


class Violation(NamedTuple):
    """What a change may not do: the file, what is wrong there, and what to do."""

    path: str
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{plain(self.path)}: {plain(self.problem)}\n  → {plain(self.fix)}"


class Compared(NamedTuple):
    """The three commits of a change."""

    tip: str
    """The base branch as it is now."""
    fork: str
    """Where the change left it."""
    head: str


class Entry(NamedTuple):
    """A file of a commit: its mode as git writes it, and the id of its content."""

    mode: str
    blob: str


class Claim(NamedTuple):
    """What a change does to one overlay; files by their path within its folder."""

    environment: str
    model: str
    before: Mapping[str, Entry]
    """On the tip of the base branch."""
    after: Mapping[str, Entry]
    """As a merge would leave it."""
    changed: tuple[str, ...]
    """What the change itself touches."""
    clashes: tuple[str, ...]
    """What was changed on the base branch as well, since the change left it."""

    @property
    def folder(self) -> str:
        """Where the overlay is, within the repository."""
        return folder_of(self.environment, self.model)


def compared(repository: Repository, settings: Settings, base: str | None, head: str | None) -> Compared:
    """The commits to compare: `head` (else HEAD) and the branch `base` (else the remote's that the cluster follows).

    Raises `SlipwayError` when this clone has one of them not, or not the commits between them.
    """
    base = base or f"origin/{settings.branch}"
    tip, top = repository.commit_at(base), repository.commit_at(head or "HEAD")
    if tip is None:
        fix = f"git fetch origin {settings.branch}; or name what the change is to be merged into: --base REV"
        raise SlipwayError(f"{base!r} is no commit of this clone", fix=fix)
    if top is None:
        raise SlipwayError(f"{head or 'HEAD'!r} is no commit of this clone", fix="git fetch it, or correct --head")
    try:
        fork = repository.run("merge-base", tip, top).decode().split()[0]
    except SlipwayError as error:
        fix = "git fetch --unshallow: this clone lacks the commits between them"
        raise SlipwayError(f"{head or 'HEAD'} and {base} have no commit in common", fix=fix) from error
    return Compared(tip, fork, top)


def entries(repository: Repository, commit: str, *paths: str) -> dict[str, Entry]:
    """What a commit has below `paths`, links and submodules too, by path."""
    found = {}
    for line in repository.run("ls-tree", "-r", "-z", commit, "--", *paths).split(b"\0"):
        if line:
            kind, _, path = line.partition(b"\t")
            mode, _, blob = kind.decode().split()
            found[os.fsdecode(path)] = Entry(mode, blob)
    return found


def claims(repository: Repository, commits: Compared) -> list[Claim]:
    """What a change does to overlays, by environment and model; empty when it touches none of them."""
    tip, fork, head = (entries(repository, commit, OVERLAYS) for commit in commits)
    changed = {path for path in fork.keys() | head.keys() if fork.get(path) != head.get(path)}
    folders = sorted({"/".join(path.split("/")[:3]) for path in changed if path.count("/") > 2})
    return [_claim(folder, changed, *(_below(side, folder) for side in (tip, fork, head))) for folder in folders]


def stray(repository: Repository, commits: Compared) -> Iterator[Violation]:
    """Files of a change that are in no overlay, and entries that are no plain files, wherever they are."""
    fork, head = (entries(repository, commit, OVERLAYS) for commit in (commits.fork, commits.head))
    for path, entry in sorted(head.items()):
        if fork.get(path) == entry:
            continue
        if entry.mode != _FILE:
            what = {"120000": "a link", "160000": "a submodule", "100755": "an executable"}.get(entry.mode, "no file")
            yield Violation(path, f"is {what}, and overlays hold plain files alone", "take it out of the change")
        elif path.count("/") < 3 and path.rpartition("/")[2] not in _WORDS:
            yield Violation(path, "is no file that slipway writes", "take it out of the change")


def plain(text: str) -> str:
    """A text that others may have chosen, on one line: what runs a step takes some lines for commands."""
    return printable(one_line(text))


def own(files: Mapping[str, Entry]) -> dict[str, Entry]:
    """Those that belong to the releases."""
    return {path: entry for path, entry in files.items() if is_own(path)}


def _below(files: Mapping[str, Entry], folder: str) -> dict[str, Entry]:
    return {path[len(folder) + 1 :]: entry for path, entry in files.items() if path.startswith(f"{folder}/")}


def _claim(
    folder: str,
    touched: set[str],
    tip: Mapping[str, Entry],
    fork: Mapping[str, Entry],
    head: Mapping[str, Entry],
) -> Claim:
    _, environment, model = folder.split("/")
    changed = sorted(path for path in fork.keys() | head.keys() if f"{folder}/{path}" in touched)
    clashes = [path for path in changed if tip.get(path) not in (fork.get(path), head.get(path))]
    after = {path: entry for path, entry in tip.items() if path not in changed}
    after |= {path: head[path] for path in changed if path in head}
    return Claim(environment, model, tip, after, tuple(changed), tuple(clashes))
