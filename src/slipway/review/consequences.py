"""Consequences of a change: the models that it may break, and what trains and releases after its merge."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import msgspec

from slipway.errors import SlipwayError
from slipway.git import Repository
from slipway.gitops.snapshot import Snapshot
from slipway.images.bundle import serving_files
from slipway.models.data import data_source
from slipway.models.discovery import training_digest
from slipway.models.imports import closure
from slipway.review.changes import OVERLAYS, contents, ends, unlike
from slipway.settings import ModelSettings, Settings

# The environments of all models are locked with these versions.
_SHARED = "requirements.lock"
_TRAINS = {
    "declared": "trains in the cluster (train: declared)",
    "runner": "trains on the runner (train: runner)",
    "manual": "is to be trained by hand (train: manual)",
}
# The other keys of a model's settings decide the training digest, or who trains.
_NEXT_TRAINING = ("data", "gates", "schedule", "second_fit", "secrets", "training")
_NEXT_RELEASE = (
    "scale",
    "protocol",
    "access",
    "limits",
    "cors",
    "retention",
    "base_image",
    "per_environment",
    "services",
)
_WAITS = "the next release of each model takes it, and nothing that runs changes"
_PLATFORM = {
    "manifests/function/": f"the manifests of releases have changed: {_WAITS}",
    "workflows/": "the workflows of trainings have changed: the next training takes it",
}
_SERVING = ("src/slipway/", "functions/")
_TEXTS = (".py", ".txt", ".in", ".lock", ".yaml")
_WORD = re.compile(r"\w+")
_RELATIVE = re.compile(r"(?m)^\s*from\s+\.")


class Consequence(NamedTuple):
    """A consequence for a model; for all of them where none is named."""

    model: str
    text: str
    reason: str = ""
    """The error of git, the settings or the model's code, where there was one."""

    def __str__(self) -> str:
        return f"{self.model or 'all models'}: {self.text}{f': {self.reason}' if self.reason else ''}"


class _Side(NamedTuple):
    """The models and settings of a commit in a folder; files that nobody reads hold only the id of their content."""

    settings: Settings
    modules: Mapping[str, str]
    """The text of every module of the models, and of the modules that they share."""

    def folder(self, model: str) -> str:
        return _within(self.settings, self.settings.folder(model))


def affected(settings: Settings, repository: Repository, since: str) -> list[str]:
    """Return the models of the work tree whose tests the change since a commit may break, sorted.

    The change begins where this branch left `since`, at each such place if there are several; uncommitted and new
    files count. Raise `SlipwayError` for a commit that this clone lacks.
    """
    forks = repository.forks(*ends(repository, settings, since, None))
    return sorted({model for fork in forks for model in _affected(settings, repository, fork)})


def _affected(settings: Settings, repository: Repository, fork: str) -> list[str]:
    changed = _changed(repository, fork)
    try:
        before = Snapshot(repository, fork).settings
    except SlipwayError:
        return settings.models()  # nothing to compare with
    declared = before.declared
    # Every model is declared, so that no question searches the folders again.
    every = {name: settings.declared.get(name, ModelSettings()) for name in settings.models()}
    now = msgspec.structs.replace(settings, declared=every)
    folders = {name: f"{_within(now, now.folder(name))}/" for name in now.declared}
    gone = [path for path in changed if path.startswith("model/") and not (now.root / path).is_file()]
    if (
        _SHARED in changed
        or before.indexes != settings.indexes
        or any(not path.startswith(tuple(folders.values())) for path in gone)
    ):
        # The files that are left do not tell who used a file that is gone.
        return sorted(now.declared)
    paths = {path for folder in ("model/", *folders.values()) for path in (now.root / folder).rglob("*.py")}
    texts = {_within(now, path): path.read_text(encoding="utf-8", errors="replace") for path in paths}
    reached = _reached(texts, changed) | changed

    def differs(name: str, folder: str) -> bool:
        within = [path for path in reached if path.startswith(folder)]
        if now.declared[name] != declared.get(name, ModelSettings()) or not changed.isdisjoint(within):
            return True
        return bool(within) and not changed.isdisjoint(_used(now, name))

    return [name for name, folder in sorted(folders.items()) if differs(name, folder)]


def _changed(repository: Repository, fork: str) -> set[str]:
    """Return the paths of files that differ between a commit and the work tree."""
    tracked = repository.run("diff", "--name-only", "--no-renames", "-z", fork, "--")
    new = repository.run("ls-files", "--others", "--exclude-standard", "-z")
    return {os.fsdecode(path) for path in (tracked + new).split(b"\0") if path and b"__pycache__" not in path}


def _used(settings: Settings, name: str) -> set[str]:
    """Return the code that a model's modules and tests import."""
    try:
        modules = closure(settings.root, sorted(settings.folder(name).rglob("*.py")), "model")
    except SlipwayError:
        return set()  # a file that is not Python fails in the model that has it, and that has changed
    return {_within(settings, path) for path in modules}


def _within(settings: Settings, path: Path) -> str:
    return path.relative_to(settings.root).as_posix()


def _reached(texts: Mapping[str, str], changed: Iterable[str]) -> set[str]:
    """Return the changed modules and those that may import one, directly or not; never too few, rarely too many.

    `texts` are all modules below `model/` by their path in the repository.
    """
    words = {path: frozenset(_WORD.findall(text)) for path, text in texts.items()}
    found = {path for path in changed if path.endswith(".py")}
    waiting = list(found)
    while waiting:
        # An import of a module has its own name and, unless it is relative, its package's.
        *_, parent, name = ["", *waiting.pop().removesuffix(".py").removesuffix("/__init__").split("/")]
        by_name = {path for path in words.keys() - found if name in words[path]}
        new = {path for path in by_name if not parent or parent in words[path] or _RELATIVE.search(texts[path])}
        found |= new
        waiting.extend(new)
    return found


def consequences(repository: Repository, before: str, after: str) -> list[Consequence]:
    """Return the consequences when the commit `after` takes the place of the commit `before`.

    No store is asked, so an artifact that is there already goes unmentioned.
    """
    changed = {path for path in repository.changed(before, after) if not path.startswith(OVERLAYS)}
    if not changed:
        return []
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        root = Path(scratch).resolve()
        try:
            old, new = (_laid_out(Snapshot(repository, commit), changed, root / commit) for commit in (before, after))
        except SlipwayError as error:
            return [Consequence("", "what follows cannot be told", error.problem)]
        return [*_for_platform(old, new, changed), *_for_models(old, new, changed)]


def _laid_out(snapshot: Snapshot, changed: set[str], root: Path) -> _Side:
    """Write the files that decide what a model is; only text is read from git."""
    settings = msgspec.structs.replace(snapshot.settings, root=root)
    folders = ("model/", *(f"{each.folder}/" for each in settings.declared.values() if each.folder))
    serving = _SERVING if any(path.startswith(_SERVING) for path in changed) else ()
    blobs = snapshot.repository.blobs(snapshot.commit)
    wanted = {path: blob for path, blob in blobs.items() if path.startswith((*serving, *folders))}
    texts = contents(snapshot.repository, {path: blob for path, blob in wanted.items() if path.endswith(_TEXTS)})
    for path, blob in wanted.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(texts.get(path, blob.encode()))
    modules = {path: text for path, text in texts.items() if path.endswith(".py") and path.startswith(folders)}
    return _Side(settings, {path: text.decode(errors="replace") for path, text in modules.items()})


def _for_platform(old: _Side, new: _Side, changed: set[str]) -> Iterator[Consequence]:
    if any(path.startswith(_SERVING) for path in changed) and _serving(old) != _serving(new):
        yield Consequence("", f"the serving code has changed: {_WAITS}")
    for folder, text in _PLATFORM.items():
        if any(path.startswith(folder) for path in changed):
            yield Consequence("", text)
    if old.settings.base_image != new.settings.base_image:
        yield Consequence("", f"the base image has changed: {_WAITS}")
    before, after = old.settings.environments, new.settings.environments
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Consequence("", f"environment {name}: {_keys(before.get(name), after.get(name))}")


def _serving(side: _Side) -> dict[str, bytes]:
    # A commit may lack a file that other versions of the platform have.
    return {path: file.read_bytes() for path, file in serving_files(side.settings).items() if file.is_file()}


def _keys(before: msgspec.Struct | None, after: msgspec.Struct | None) -> str:
    if before is None or after is None:
        return "is new" if before is None else "is removed; what runs there stays"
    return f"{', '.join(unlike(before, after, before.__struct_fields__))} changed, for what is released from now on"


def _for_models(old: _Side, new: _Side, changed: set[str]) -> Iterator[Consequence]:
    before, after = old.settings.declared, new.settings.declared
    reached = changed | _reached(old.modules, changed) | _reached(new.modules, changed)
    moved = old.settings.indexes != new.settings.indexes
    touched = {parent.as_posix() for path in reached for parent in PurePosixPath(path).parents}
    for model in sorted(before.keys() | after.keys()):
        if model not in after:
            yield Consequence(model, "is removed; what runs of it stays as it is declared")
        elif model not in before:
            yield Consequence(model, f"is new: {_trains(new.settings, model)}")
        elif before[model] != after[model] or {old.folder(model), new.folder(model)} & touched or moved:
            yield from _for_model(old, new, model, changed)


def _for_model(old: _Side, new: _Side, model: str, changed: set[str]) -> Iterator[Consequence]:
    try:
        same = training_digest(old.settings, model) == training_digest(new.settings, model)
    except SlipwayError as error:
        yield Consequence(model, "what follows cannot be told", error.problem)
        return
    if not same:
        yield Consequence(model, f"its training digest changes: {_trains(new.settings, model)}")
    before, after = (side.settings.model(model) for side in (old, new))
    yield from (Consequence(model, text) for text in _for_settings(before, after))
    source = data_source(new.settings, model)
    if same and source and source.uri in changed:
        yield Consequence(model, "data has changed: the next training takes it")
    if same and f"{new.folder(model)}/requirements-serve.txt" in changed:
        yield Consequence(model, "what serving needs has changed: the next training takes it")


def _for_settings(before: ModelSettings, after: ModelSettings) -> Iterator[str]:
    if names := unlike(before, after, _NEXT_TRAINING):
        yield f"settings changed ({', '.join(names)}): the next training takes them"
    if names := unlike(before, after, _NEXT_RELEASE):
        yield f"settings changed ({', '.join(names)}): the next release takes them, and nothing that runs changes"
    for environment in sorted(before.pin.keys() | after.pin.keys()):
        if (pin := after.pin.get(environment)) != before.pin.get(environment):
            free = "is no longer pinned: what was released stays until a newer version comes"
            yield f"{environment}: {f'v{pin} is pinned: the next run of release goes there' if pin else free}"
    if before.train != after.train:
        yield f"train is {after.train}, until now {before.train}"


def _trains(settings: Settings, model: str) -> str:
    return f"it {_TRAINS[settings.model(model).train]}"
