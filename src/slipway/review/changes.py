"""Changes of overlays between commits: each overlay as the base branch has it, and as a merge would leave it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from msgspec import Struct

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.gitops.snapshot import TAKE_DOWN, Snapshot
from slipway.overlays.overlay import is_own
from slipway.overlays.types import folder_of
from slipway.settings import FILE, Settings
from slipway.text import listed, one_line

OVERLAYS, TRAINING = "overlays/", "training/"
# People read these, and no cluster does.
_PROSE = ("README.md", ".gitkeep")


class Violation(NamedTuple):
    """A rule that a change breaks: the file, what is wrong there, and what to do."""

    path: str
    problem: str
    fix: str

    def __str__(self) -> str:
        return f"{one_line(self.path)}: {one_line(self.problem)}\n  → {one_line(self.fix)}"


class Commits(NamedTuple):
    """The three commits of a change; it left the base branch at `fork`."""

    tip: str
    fork: str
    head: str


class OverlayChange(NamedTuple):
    """A change of one overlay; files by their path within its folder, as ids of their contents."""

    environment: str
    model: str
    before: Mapping[str, str]
    """On the tip of the base branch."""
    after: Mapping[str, str]
    """As a merge would leave it."""
    changed: tuple[str, ...]
    """The paths that the change itself touches."""
    conflicts: tuple[str, ...]
    """The paths that the base branch has changed as well since the fork."""

    @property
    def folder(self) -> str:
        """Return where the overlay is, within the repository."""
        return folder_of(self.environment, self.model)


def commits(repository: Repository, settings: Settings, base: str | None, head: str | None) -> Commits:
    """Find the commits of a change: `head` (else HEAD), and the branch `base` (else the remote's followed branch).

    Raise `SlipwayError` when this clone lacks one of them, or the commits between them.
    """
    base, head = base or f"refs/remotes/origin/{settings.branch}", head or "HEAD"
    tip, top = repository.commit_at(base), repository.commit_at(head)
    if tip is None:
        fix = f"git fetch origin {settings.branch}; or name what the change is to be merged into: --base REV"
        raise SlipwayError(f"{base!r} is no commit of this clone", fix=fix)
    if top is None:
        raise SlipwayError(f"{head!r} is no commit of this clone", fix="git fetch it, or correct --head")
    try:
        fork = repository.run("merge-base", tip, top).decode().split()[0]
    except SlipwayError as error:
        fix = "git fetch --unshallow: this clone lacks the commits between them"
        raise SlipwayError(f"{head} and {base} have no commit in common", fix=fix) from error
    return Commits(tip, fork, top)


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


def overlay_changes(repository: Repository, found: Commits) -> list[OverlayChange]:
    """Return a change's overlays, by environment and model."""
    sides = [repository.blobs(commit, OVERLAYS) for commit in found]
    folders = {"/".join(path.split("/")[:3]) for path in _changed(repository, found) if path.count("/") > 2}
    return [_of_folder(folder, *(below(side, f"{folder}/") for side in sides)) for folder in sorted(folders)]


def stray(repository: Repository, found: Commits) -> Iterator[Violation]:
    """Find files of a change that are in no overlay, and entries that are no plain files."""
    for path, entry in sorted(repository.entries(found.head, _changed(repository, found)).items()):
        if entry.mode != "100644":
            what = {"120000": "a link", "160000": "a submodule", "100755": "an executable"}.get(entry.mode, "no file")
            yield Violation(path, f"is {what}, and overlays hold plain files only", "take it out of the change")
        elif path.count("/") < 3 and path.rpartition("/")[2] not in _PROSE:
            yield Violation(path, "is no file that slipway writes", "take it out of the change")


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


def _changed(repository: Repository, found: Commits) -> list[str]:
    return [path for path in repository.changed(found.fork, found.head) if path.startswith(OVERLAYS)]


def _of_folder(folder: str, tip: dict[str, str], fork: dict[str, str], head: dict[str, str]) -> OverlayChange:
    _, environment, model = folder.split("/")
    changed = sorted(path for path in fork.keys() | head.keys() if fork.get(path) != head.get(path))
    conflicts = [path for path in changed if tip.get(path) not in (fork.get(path), head.get(path))]
    after = {path: blob for path, blob in tip.items() if path not in changed}
    after |= {path: head[path] for path in changed if path in head}
    return OverlayChange(environment, model, tip, after, tuple(changed), tuple(conflicts))
