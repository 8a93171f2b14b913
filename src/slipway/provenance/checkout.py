"""The files of a commit, checked out into a repository of their own; the user's repository is only read."""

from __future__ import annotations

import shutil
from pathlib import Path

from slipway.errors import SlipwayError
from slipway.git import Repository

__all__ = ["absent", "make"]

# Git runs nothing of the user's own set-up, and fetches no large files from elsewhere.
_PLAIN = tuple(
    word
    for setting in (
        "core.hooksPath=/dev/null",
        "filter.lfs.smudge=",
        "filter.lfs.process=",
        "filter.lfs.required=false",
    )
    for word in ("-c", setting)
)


def make(repository: Repository, commit: str, target: Path) -> Path:
    """Check out `commit`, but for its overlays, into the new folder `target`, and return that.

    Raise `SlipwayError` when the commit is not in this clone.
    """
    if repository.commit_at(commit) is None:
        raise absent(repository, commit)
    kind = repository.run("rev-parse", "--show-object-format").decode().strip()
    repository.run("init", "--quiet", "--template=", f"--object-format={kind}", str(target.absolute()))
    # The objects stay where they are; a clone of a shallow clone would copy them.
    info = target / ".git/objects/info"
    info.mkdir(parents=True, exist_ok=True)
    (info / "alternates").write_text(f"{_inside(repository, 'objects')}\n")
    if (shallow := _inside(repository, "shallow")).is_file():
        shutil.copyfile(shallow, target / ".git/shallow")
    made = Repository(target)
    made.run("update-ref", "--no-deref", "HEAD", commit)
    made.run("checkout", "--quiet", commit, "--", ".", ":(exclude)overlays", by=_PLAIN)
    return target


def absent(repository: Repository, commit: str) -> SlipwayError:
    """Return the error that a commit is not in this clone."""
    fix = f"git fetch origin {commit}; or git fetch --all, or ask who made it to push its branch"
    return SlipwayError(f"the commit {commit[:12]} is not in this clone, {repository.root}", fix=fix)


def _inside(repository: Repository, name: str) -> Path:
    """Return a path in the git directory, also of a linked work tree."""
    return (repository.root / repository.run("rev-parse", "--git-path", name).decode().strip()).resolve()
