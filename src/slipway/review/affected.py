"""Which models a change since some commit may make fail: by their own files, the code that they share, and settings."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from slipway.errors import SlipwayError
from slipway.gitops.snapshot import Snapshot
from slipway.models.imports import closure
from slipway.review import claims
from slipway.settings import ModelSettings

if TYPE_CHECKING:
    from pathlib import Path

    from slipway.git import Repository
    from slipway.settings import Settings

__all__ = ["affected", "modules_reached", "named"]

# The versions that the environments of all models are locked with.
_SHARED = "requirements.lock"


def affected(settings: Settings, repository: Repository, since: str) -> list[str]:
    """The models of the work tree whose tests may come out otherwise than before, sorted.

    What differs is taken from where this branch left `since`, uncommitted and new files included. Raises `SlipwayError`
    for a commit that this clone has not.
    """
    before = claims.compared(repository, settings, since, None).fork
    changed = _changed(repository, before)
    try:
        declared = Snapshot(repository, before).settings.declared
    except SlipwayError:
        return settings.models()  # nothing to compare with
    now = named(settings)
    folders = {name: f"{_within(now, now.folder(name))}/" for name in now.declared}
    gone = [path for path in changed if path.startswith("model/") and not (now.root / path).is_file()]
    if _SHARED in changed or any(not path.startswith(tuple(folders.values())) for path in gone):
        # Who used what is gone cannot be read from what is left.
        return sorted(now.declared)
    reached = modules_reached(_modules(now, folders.values()), changed) | changed
    within = {folder: [path for path in reached if path.startswith(folder)] for folder in {*folders.values()}}
    return [
        name
        for name, folder in sorted(folders.items())
        if now.declared[name] != declared.get(name, ModelSettings())
        or any(path in changed for path in within[folder])
        or (within[folder] and not changed.isdisjoint(_used(now, name)))
    ]


def _modules(settings: Settings, folders: Iterable[str]) -> dict[str, str]:
    """All modules of models, and those that they share."""
    paths = {path for folder in ("model/", *folders) for path in (settings.root / folder).rglob("*.py")}
    return {_within(settings, path): path.read_text(encoding="utf-8", errors="replace") for path in paths}


def _changed(repository: Repository, before: str) -> set[str]:
    """The paths of files that differ from a commit in the work tree."""
    tracked = repository.run("diff", "--name-only", "--no-renames", "-z", before, "--")
    new = repository.run("ls-files", "--others", "--exclude-standard", "-z")
    paths = {os.fsdecode(path) for path in [*tracked.split(b"\0"), *new.split(b"\0")] if path}
    return {path for path in paths if "__pycache__" not in path}


def _used(settings: Settings, name: str) -> set[str]:
    """The code that a model's modules and tests import."""
    folder = settings.folder(name)
    try:
        modules = closure(settings.root, sorted(folder.rglob("*.py")), "model")
    except SlipwayError:
        return set()  # what is not Python fails in the model that has it, and that has changed
    return {_within(settings, path) for path in modules}


def _within(settings: Settings, path: Path) -> str:
    return path.relative_to(settings.root).as_posix()


_WORD = re.compile(r"\w+")
_RELATIVE = re.compile(r"(?m)^\s*from\s+\.")


def modules_reached(texts: Mapping[str, str], changed: Iterable[str]) -> set[str]:
    """The modules that may import a changed one, directly or not, and the changed ones; never too few, rarely too many.

    `texts` are all modules below `model/` by their path in the repository.
    """
    words = {path: frozenset(_WORD.findall(text)) for path, text in texts.items()}
    relative = {path for path, text in texts.items() if _RELATIVE.search(text)}
    found = {path for path in changed if path.endswith(".py")}
    waiting = list(found)
    while waiting:
        name, parent = _names(waiting.pop())
        new = {
            path
            for path in words.keys() - found
            if name in words[path] and (path in relative or not parent or parent in words[path])
        }
        found |= new
        waiting.extend(new)
    return found


def named(settings: Settings) -> Settings:
    """The settings with every model named in them: none is looked for in the folders each time it is asked of."""
    declared = {name: settings.declared.get(name, ModelSettings()) for name in settings.models()}
    return msgspec.structs.replace(settings, declared=declared)


def _names(path: str) -> tuple[str, str]:
    """The words that whoever imports a module has to write: its own name, and that of its package."""
    module = PurePosixPath(path).with_suffix("")
    parts = module.parent.parts if module.name == "__init__" else module.parts
    return parts[-1], parts[-2] if len(parts) > 1 else ""
