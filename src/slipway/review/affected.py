"""Which models a change since some commit may make fail: by their own files, the code that they share, and settings."""

import os
from typing import TYPE_CHECKING

from slipway.errors import SlipwayError
from slipway.imports import closure
from slipway.release.committed import settings_at
from slipway.review import claims, reach
from slipway.settings import ModelSettings

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from slipway.git import Repository
    from slipway.settings import Settings

__all__ = ["affected"]

# The versions that the environments of all models are locked with.
_SHARED = "requirements.lock"


def affected(settings: "Settings", repository: "Repository", since: str) -> list[str]:
    """The models of the work tree whose tests may come out otherwise than before, sorted.

    What differs is taken from where this branch left `since`, uncommitted and new files included. Raises `SlipwayError`
    for a commit that this clone has not.
    """
    before = claims.compared(repository, settings, since, None).fork
    changed = _changed(repository, before)
    try:
        declared = settings_at(repository, before).declared
    except SlipwayError:
        return settings.models()  # nothing to compare with
    now = reach.named(settings)
    folders = {name: f"{_within(now, now.folder(name))}/" for name in now.declared}
    gone = [path for path in changed if path.startswith("model/") and not (now.root / path).is_file()]
    if _SHARED in changed or any(not path.startswith(tuple(folders.values())) for path in gone):
        # Who used what is gone cannot be read from what is left.
        return sorted(now.declared)
    reached = reach.reached(_modules(now, folders.values()), changed) | changed
    within = {folder: [path for path in reached if path.startswith(folder)] for folder in {*folders.values()}}
    return [
        name
        for name, folder in sorted(folders.items())
        if now.declared[name] != declared.get(name, ModelSettings())
        or any(path in changed for path in within[folder])
        or (within[folder] and not changed.isdisjoint(_used(now, name)))
    ]


def _modules(settings: "Settings", folders: "Iterable[str]") -> dict[str, str]:
    """All modules of models, and those that they share."""
    paths = {path for folder in ("model/", *folders) for path in (settings.root / folder).rglob("*.py")}
    return {_within(settings, path): path.read_text(encoding="utf-8", errors="replace") for path in paths}


def _changed(repository: "Repository", before: str) -> set[str]:
    """The paths of files that differ from a commit in the work tree."""
    tracked = repository.run("diff", "--name-only", "--no-renames", "-z", before, "--")
    new = repository.run("ls-files", "--others", "--exclude-standard", "-z")
    paths = {os.fsdecode(path) for path in [*tracked.split(b"\0"), *new.split(b"\0")] if path}
    return {path for path in paths if "__pycache__" not in path}


def _used(settings: "Settings", name: str) -> set[str]:
    """The code that a model's modules and tests import."""
    folder = settings.folder(name)
    try:
        modules = closure(settings.root, sorted(folder.rglob("*.py")), "model")
    except SlipwayError:
        return set()  # what is not Python fails in the model that has it, and that has changed
    return {_within(settings, path) for path in modules}


def _within(settings: "Settings", path: "Path") -> str:
    return path.relative_to(settings.root).as_posix()
