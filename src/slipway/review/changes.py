"""Changes of overlays between commits: each overlay as the base branch has it, and as a merge would leave it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from msgspec import Struct

from slipway.errors import SlipwayError
from slipway.git import Repository, merging
from slipway.git.commands import Entry
from slipway.gitops.snapshot import TAKE_DOWN, Snapshot
from slipway.names import ReleaseName
from slipway.overlays.overlay import is_own
from slipway.overlays.types import folder_of
from slipway.settings import FILE, Settings
from slipway.text import listed, one_line

OVERLAYS, TRAINING = "overlays/", "training/"
# People read these, and no cluster does.
_PROSE = ("README.md", ".gitkeep")
_RELEASE = re.compile(rf"({OVERLAYS}([^/]+)/([^/]+)/(v[1-9][0-9]*-[0-9a-f]{{8}})/).+", re.DOTALL)


class Violation(NamedTuple):
    """A rule that a change breaks: the file, what is wrong there, and what to do."""

    path: str
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{one_line(self.path)}: {one_line(self.problem)}\n  → {one_line(self.fix)}"


class Merge(NamedTuple):
    """What the merge of a change makes of the base branch as it is now."""

    tip: str
    """The tip of the base branch."""
    head: str
    """The last commit of the change."""
    tree: str
    """The tree that the merge makes. Files of conflicts hold marks."""
    conflicts: frozenset[str]
    """The paths that the merge cannot decide, and overlays' files that it would put together from both sides."""


class OverlayChange(NamedTuple):
    """A change of one overlay; files by their path within its folder, as ids of their contents."""

    environment: str
    model: str
    before: Mapping[str, str]
    """On the tip of the base branch."""
    after: Mapping[str, str]
    """As a merge would leave it."""
    changed: tuple[str, ...]
    """The paths that the merge changes on the base branch."""
    conflicts: tuple[str, ...]
    """The paths that both sides have changed."""

    @property
    def folder(self) -> str:
        """Return where the overlay is, within the repository."""
        return folder_of(self.environment, self.model)


def merge(repository: Repository, settings: Settings, base: str | None, head: str | None) -> Merge:
    """Merge a change: `head` (default: HEAD) into the branch `base` (default: the remote's followed branch).

    The base branch may have undone what the change has, and a change may hold merges of its own. So neither a merge
    base nor a list of commits tells what a merge brings. Raise `SlipwayError` when this clone lacks a commit.
    """
    tip, top = ends(repository, settings, base, head)
    made = merging.merge(repository, tip, top)
    # Nobody knows how GitHub follows renames, so no overlay may depend on it.
    other = merging.merge(repository, tip, top, renames=False)
    paths = {path for tree in {made.tree, other.tree} for path in repository.changed(tip, tree)}
    touched = sorted(path for path in {*paths, *other.conflicts} if path.startswith(OVERLAYS))
    sides = [repository.entries(commit, touched) for commit in (made.tree, other.tree, tip, top)]
    unsure = {path for path in touched if path in other.conflicts or not _taken(*(side.get(path) for side in sides))}
    return Merge(tip, top, made.tree, made.conflicts | unsure)


def _taken(made: Entry | None, other: Entry | None, ours: Entry | None, theirs: Entry | None) -> bool:
    """Return True if a file is that of one side, with and without renames: verbs write whole files."""
    return made == other and made in (ours, theirs)


def ends(repository: Repository, settings: Settings, base: str | None, head: str | None) -> tuple[str, str]:
    """Return the commits of `base` and `head`, as `merge` takes them. Raise `SlipwayError` for other histories."""
    if "" in (base, head):
        raise SlipwayError("a commit is given, and its name is empty", fix="name it, or leave --base and --head out")
    base, head = base or f"refs/remotes/origin/{settings.branch}", head or "HEAD"
    tip, top = repository.commit_at(base), repository.commit_at(head)
    if tip is None:
        fix = f"git fetch origin {settings.branch}; or name what the change is to be merged into: --base REV"
        raise SlipwayError(f"{base!r} is no commit of this clone", fix=fix)
    if top is None:
        raise SlipwayError(f"{head!r} is no commit of this clone", fix="git fetch it, or correct --head")
    try:
        repository.forks(tip, top)
    except SlipwayError as error:
        fix = "git fetch --unshallow: this clone lacks the commits between them"
        raise SlipwayError(f"{head} and {base} have no commit in common", fix=fix) from error
    return tip, top


def contents(repository: Repository, files: Mapping[str, str]) -> dict[str, bytes]:
    """Return the contents of files, by the same paths."""
    found = repository.read(sorted({*files.values()}))
    return {path: found[blob] or b"" for path, blob in files.items()}


def releases_of(files: Mapping[str, str]) -> dict[str, str]:
    """Return the files of an overlay but those of its training."""
    return {path: blob for path, blob in files.items() if is_own(path)}


def below(files: Mapping[str, str], folder: str) -> dict[str, str]:
    """Return the files below a folder (`overlays/prod/iris/`), by their path within it."""
    return {path.removeprefix(folder): blob for path, blob in files.items() if path.startswith(folder)}


def unlike(before: Struct, after: Struct, names: Iterable[str]) -> list[str]:
    """Return the fields, of these names, in which two structs differ."""
    return [name for name in names if getattr(before, name) != getattr(after, name)]


def overlay_changes(repository: Repository, found: Merge) -> list[OverlayChange]:
    """Return the overlays that a merge changes or cannot decide, by environment and model."""
    paths = {*_changed(repository, found), *(path for path in found.conflicts if path.startswith(OVERLAYS))}
    folders = sorted({"/".join(path.split("/")[:3]) for path in paths if path.count("/") > 2})
    if not folders:
        return []
    sides = [_by_folder(repository.blobs(commit, *folders)) for commit in (found.tip, found.tree)]
    within = {folder: [side.get(folder, {}) for side in sides] for folder in folders}
    return [_of_folder(folder, found.conflicts, *pair) for folder, pair in within.items()]


def stale(repository: Repository, found: Merge) -> Iterator[str]:
    """Yield the folders of overlays that a merge changes, and that the base branch has changed since the fork.

    What judged the merge before cannot have seen that.
    """
    forks = repository.forks(found.tip, found.head)
    for change in overlay_changes(repository, found):
        folder = f"{change.folder}/"
        left = [below(repository.blobs(fork, folder), folder) for fork in forks]
        if any(releases_of(files) != releases_of(change.before) for files in left):
            yield change.folder


def _by_folder(files: Mapping[str, str]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for path, blob in files.items():
        *folder, name = path.split("/", 3)
        found.setdefault("/".join(folder), {})[name] = blob
    return found


def stray(repository: Repository, found: Merge) -> Iterator[Violation]:
    """Find files of a change that are in no overlay, and entries that are no plain files."""
    for path, entry in sorted(repository.entries(found.tree, _changed(repository, found)).items()):
        if entry.mode != "100644":
            what = {"120000": "a link", "160000": "a submodule", "100755": "an executable"}.get(entry.mode, "no file")
            yield Violation(path, f"is {what}, and overlays hold plain files only", "take it out of the change")
        elif path.count("/") < 3 and path.rpartition("/")[2] not in _PROSE:
            yield Violation(path, "is no file that slipway writes", "take it out of the change")


def transient(base: Snapshot, found: Merge) -> Iterator[Violation]:
    """Find releases that a commit on the way declares, and that the merge does not make: no other rule sees them.

    History would have them all the same, and that is where rollbacks take releases from.
    """
    repository = base.repository
    for commit, folders in _on_the_way(repository, found):
        for folder, where in sorted(folders.items()):
            there = repository.blobs(commit, folder)
            known = [found.tree, found.tip, *_past(base, *where)]  # mostly the first
            if there and all(there != repository.blobs(each, folder) for each in known):
                problem = f"is declared by the commit {commit[:12]} on the way, and not so by the merge"
                fix = "make one commit of the change: git rebase -i, or git merge --squash on a branch of its own"
                yield Violation(folder.rstrip("/"), problem, fix)


def _past(base: Snapshot, environment: str, model: str, name: str) -> list[str]:
    """Return the commit from which history takes a release, if there is one."""
    written = base.written(environment, model).get(ReleaseName.parse(name))
    return [written] if written else []


def _on_the_way(repository: Repository, found: Merge) -> Iterator[tuple[str, dict[str, tuple[str, str, str]]]]:
    """Yield each commit of a change, with the folders of releases that it writes: (environment, model, release)."""
    # Of a merge, git tells the files that no parent has. No path of git begins with a slash, so the ids do.
    options = ("--full-history", "--diff-merges=combined", "--name-only", "-z", "--format=%x00/%H")
    log = repository.run("log", *options, f"{found.tip}..{found.head}", "--", OVERLAYS)
    for entry in os.fsdecode(log).split("\0/")[1:]:
        commit, *paths = entry.split("\0")
        matches = (_RELEASE.fullmatch(path.lstrip("\n")) for path in paths)
        if folders := {match[1]: (match[2], match[3], match[4]) for match in matches if match}:
            yield commit, folders


def undecided(found: Merge) -> Iterator[Violation]:
    """Name the conflicts beside those of overlays: nobody can say what their merge makes."""
    for path in sorted(path for path in found.conflicts if not path.startswith(OVERLAYS)):
        fix = "merge the base branch into this one, and resolve it there"
        yield Violation(path, "is changed on the base branch too, and git cannot merge the two", fix)


def abandoned(base: Snapshot, head: Snapshot, found: Iterable[OverlayChange]) -> Iterator[Violation]:
    """Check that no environment leaves the settings while overlays of it stay: they would run on, unseen."""
    if base.read(FILE) == head.read(FILE):
        return
    gone = {(change.environment, change.model) for change in found if not change.after}
    for name in sorted(base.settings.environments.keys() - head.settings.environments.keys()):
        left = sorted(model for model in base.models(name) | head.models(name) if (name, model) not in gone)
        if left:
            problem = f"takes {name} out of {FILE}, where {listed(left, 3)} would run on"
            yield Violation(FILE, problem, TAKE_DOWN.format(name))


def _changed(repository: Repository, found: Merge) -> list[str]:
    # A link or another repository in the place of the whole folder has no slash.
    return [path for path in repository.changed(found.tip, found.tree) if f"{path}/".startswith(OVERLAYS)]


def _of_folder(
    folder: str, conflicts: frozenset[str], before: Mapping[str, str], after: Mapping[str, str]
) -> OverlayChange:
    _, environment, model = folder.split("/")
    changed = tuple(sorted(path for path in before.keys() | after.keys() if before.get(path) != after.get(path)))
    own = tuple(sorted(path.removeprefix(f"{folder}/") for path in conflicts if path.startswith(f"{folder}/")))
    return OverlayChange(environment, model, before, after, changed, own)
