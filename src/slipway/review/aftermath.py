"""What follows from the merge of a change, by two commits alone: what trains, and what the next release takes."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from slipway import settings as settings_file
from slipway.errors import SlipwayError
from slipway.images.bundle import serving_files
from slipway.models.data import data_source
from slipway.models.training_digest import training_digest
from slipway.review import affected, claims

if TYPE_CHECKING:
    from slipway.git import Repository
    from slipway.settings import ModelSettings, Settings

__all__ = ["Following", "following"]

_TRAINS = {
    "declared": "trains in the cluster (train: declared)",
    "runner": "trains on the runner (train: runner)",
    "manual": "is to be trained by hand (train: manual)",
}
# Which keys of a model's settings wait for what; the other ones decide the training digest, or who trains.
_NEXT_TRAINING = ("data", "gates", "schedule", "secrets", "training")
_NEXT_RELEASE = ("scale", "protocol", "access", "limits", "retention", "base_image", "per_environment", "services")
_PLATFORM = {
    "manifests/function/": "the manifests of releases have changed",
    "workflows/": "the workflows of trainings have changed",
}
_SERVING = ("src/slipway/", "functions/")


class Following(NamedTuple):
    """What follows for a model; for all of them where none is named."""

    model: str
    text: str
    said: str = ""
    """What went wrong, in words of others."""

    def __str__(self) -> str:
        return f"{self.model or 'all models'}: {self.text}{f': {self.said}' if self.said else ''}"


class _Side(NamedTuple):
    """What a commit has of models and settings, laid out in a folder; data and the like by their names only."""

    settings: Settings
    files: Mapping[str, claims.Entry]
    modules: Mapping[str, str]
    """The text of every module of the models, and of what they share."""


def following(repository: Repository, before: str, after: str) -> list[Following]:
    """What follows when what `after` has comes in the place of what `before` has; both are commits.

    No store is asked, so it is not told whether an artifact is there already.
    """
    old, new = claims.entries(repository, before), claims.entries(repository, after)
    changed = {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}
    changed = {path for path in changed if not path.startswith(claims.OVERLAYS)}
    if not changed:
        return []
    with tempfile.TemporaryDirectory(prefix="slipway-") as scratch:
        try:
            sides = [
                _laid_out(repository, files, changed, Path(scratch).resolve() / name)
                for name, files in (("old", old), ("new", new))
            ]
        except SlipwayError as error:
            return [Following("", "what follows cannot be told", error.problem)]
        return [*_of_platform(sides[0], sides[1], changed), *_of_models(sides[0], sides[1], changed)]


def _laid_out(repository: Repository, files: Mapping[str, claims.Entry], changed: set[str], root: Path) -> _Side:
    """The files that say what a model is; what is not read as text has the id of its content for content."""
    serving = _SERVING if any(path.startswith(_SERVING) for path in changed) else ()
    named = [settings_file.FILE, *(path for path in files if path.startswith(serving or "\0"))]
    settings = settings_file.parse(_text(repository, files, settings_file.FILE), root)
    folders = ("model/", *(f"{each.folder}/" for each in settings.declared.values() if each.folder))
    named += [path for path in files if path.startswith(folders)]
    wanted = {path: files[path] for path in dict.fromkeys(named) if path in files and files[path].mode != "160000"}
    texts = {path: entry for path, entry in wanted.items() if path.endswith((".py", ".txt", ".in", ".lock", ".yaml"))}
    contents = repository.read(sorted({entry.blob for entry in texts.values()}))
    for path, entry in wanted.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        content = contents[entry.blob] if path in texts else None
        (root / path).write_bytes(entry.blob.encode() if content is None else content)
    modules = {
        path: (contents[entry.blob] or b"").decode(errors="replace")
        for path, entry in texts.items()
        if path.endswith(".py") and path.startswith(folders)
    }
    return _Side(affected.named(settings), files, modules)


def _text(repository: Repository, files: Mapping[str, claims.Entry], path: str) -> str:
    if path not in files:
        raise SlipwayError(f"there is no {path}")
    return (repository.read([files[path].blob])[files[path].blob] or b"").decode("utf-8-sig", errors="replace")


def _of_platform(old: _Side, new: _Side, changed: set[str]) -> Iterator[Following]:
    waits = "the next release of each model takes it, and nothing that runs changes"
    if any(path.startswith(_SERVING) for path in changed):
        sides = [
            {path: file.read_bytes() for path, file in serving_files(side.settings).items()} for side in (old, new)
        ]
        if sides[0] != sides[1]:
            yield Following("", f"the serving code has changed: {waits}")
    for folder, words in _PLATFORM.items():
        if any(path.startswith(folder) for path in changed):
            yield Following("", f"{words}: {waits if 'releases' in words else 'the next training takes it'}")
    if old.settings.base_image != new.settings.base_image:
        yield Following("", f"the base image has changed: {waits}")
    before, after = old.settings.environments, new.settings.environments
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            yield Following("", f"environment {name}: {_keys(before.get(name), after.get(name))}")


def _keys(before: msgspec.Struct | None, after: msgspec.Struct | None) -> str:
    if before is None or after is None:
        return "is new" if before is None else "is removed; what runs there stays"
    keys = [name for name in before.__struct_fields__ if getattr(before, name) != getattr(after, name)]
    return f"{', '.join(keys)} changed, for what is released from now on"


def _of_models(old: _Side, new: _Side, changed: set[str]) -> Iterator[Following]:
    before, after = old.settings.declared, new.settings.declared
    reached = changed | affected.modules_reached(old.modules, changed) | affected.modules_reached(new.modules, changed)
    touched = {folder for path in reached for folder in _above(path)}
    for model in sorted(before.keys() | after.keys()):
        if model not in after:
            yield Following(model, "is removed; what runs of it stays as it is declared")
        elif model not in before:
            yield Following(model, f"is new: {_trains(new.settings, model)}")
        elif before[model] != after[model] or _folder(old, model) in touched or _folder(new, model) in touched:
            yield from _of_model(old, new, model, changed)


def _above(path: str) -> Iterator[str]:
    """The folders that a path is in."""
    return (parent.as_posix() for parent in PurePosixPath(path).parents)


def _folder(side: _Side, model: str) -> str:
    return side.settings.folder(model).relative_to(side.settings.root).as_posix()


def _of_model(old: _Side, new: _Side, model: str, changed: set[str]) -> Iterator[Following]:
    try:
        digests = [training_digest(side.settings, model) for side in (old, new)]
    except SlipwayError as error:
        yield Following(model, "what follows cannot be told", error.problem)
        return
    if digests[0] != digests[1]:
        yield Following(model, f"its training digest changes: {_trains(new.settings, model)}")
    before, after = (side.settings.model(model) for side in (old, new))
    yield from _of_settings(model, before, after)
    if digests[0] == digests[1]:
        source = data_source(new.settings, model)
        names = {
            "data": source.uri if source else "",
            "what serving needs": f"{_folder(new, model)}/requirements-serve.txt",
        }
        for words, path in names.items():
            if path in changed:
                yield Following(model, f"{words} has changed: the next training takes it")


def _of_settings(model: str, before: ModelSettings, after: ModelSettings) -> Iterator[Following]:
    def differ(names: tuple[str, ...]) -> str:
        return ", ".join(name for name in names if getattr(before, name) != getattr(after, name))

    if names := differ(_NEXT_TRAINING):
        yield Following(model, f"settings changed ({names}): the next training takes them")
    if names := differ(_NEXT_RELEASE):
        yield Following(
            model, f"settings changed ({names}): the next release takes them, and nothing that runs changes"
        )
    for environment in sorted(before.pin.keys() | after.pin.keys()):
        if (pin := after.pin.get(environment)) != before.pin.get(environment):
            free = "is no longer pinned: what was released stays until a newer version comes"
            words = f"v{pin} is pinned: the next run of release goes there" if pin else free
            yield Following(model, f"{environment}: {words}")
    if before.train != after.train:
        yield Following(model, f"train is {after.train}, until now {before.train}")


def _trains(settings: Settings, model: str) -> str:
    return f"it {_TRAINS[settings.model(model).train]}"
