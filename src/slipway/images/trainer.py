"""The trainer: the folder with all that the image that trains a model is built from.

    Dockerfile  train.lock  serve.lock  estimators.lock  onnx.lock  mixed.lock  platform/  repository/

`platform/` holds the platform's code. `repository/` holds the model's folder with tests and data, the shared code, a
`slipway.yaml` of this model only, and `trainer.json`, which lists the components of the trainer.
"""

from __future__ import annotations

import glob
import os.path
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from slipway import digests, files
from slipway.images.bundle import COMMAND, LAUNCHER, base_image, copy, fingerprint, platform, settle
from slipway.models.data import data_source, local_path
from slipway.models.discovery import model_files, training_digest
from slipway.models.environment import USES, compile_lock
from slipway.models.imports import closure
from slipway.overlays import documents
from slipway.settings import FILE, Settings
from slipway.store.records import encode

__all__ = ["Trainer", "components", "make", "repository"]

# The settings of a model that decide how it is trained; others may change without a new image.
_TRAINING = frozenset(
    {"folder", "train", "data", "target", "features", "parameters", "secrets", "gates", "held_out", "convert"}
    | {"base_image"}
)

_ABOUT = "trainer.json"


class Trainer(NamedTuple):
    """A trainer on the disk, and the fingerprint of its components."""

    folder: Path
    model: str
    fingerprint: str
    components: dict[str, str]


def make(settings: Settings, model: str, target: Path) -> Trainer:
    """Make the trainer of a model in the new folder `target`.

    The same code and settings give the same bytes. Raise `SlipwayError` when the model's code or requirements cannot be
    read, or its requirements contradict each other.
    """
    with tempfile.TemporaryDirectory() as scratch:
        found = _files(settings, model, Path(scratch))
        parts = _components(settings, model, found)
        with files.new_folder(target) as draft:
            for path, file in found.items():
                copy(file, draft / path)
            about = {"model": model, "fingerprint": fingerprint(parts), "components": parts}
            (draft / "repository" / _ABOUT).write_bytes(encode(about))
            settle(draft)
    return Trainer(target, model, fingerprint(parts), parts)


def components(settings: Settings, model: str) -> dict[str, str]:
    """Return the parts of a trainer's fingerprint by name, as `bundle.fingerprint` and `bundle.explain` take them."""
    with tempfile.TemporaryDirectory() as scratch:
        return _components(settings, model, _files(settings, model, Path(scratch)))


def repository(settings: Settings, model: str) -> str:
    """Return the digest of `repository/`: the model's folder, the shared code, its data, its settings."""
    found = {path: digests.of_file(file) for path, file in _repository_files(settings, model).items()}
    return digests.of_files({**found, FILE: digests.of_bytes(documents.format(_settings(settings, model)))})


def _components(settings: Settings, model: str, found: dict[str, Path]) -> dict[str, str]:
    def of(*parts: str) -> str:
        return digests.of_files({path: digests.of_file(file) for path, file in found.items() if path.startswith(parts)})

    return {
        "training": training_digest(settings, model),
        "environments": of(*(f"{use}.lock" for use in USES)),
        "platform code": of("platform/", "Dockerfile"),
        "repository": repository(settings, model),
        "base image": digests.of_value(base_image(settings, model)),
    }


def _files(settings: Settings, model: str, scratch: Path) -> dict[str, Path]:
    """Return the files of the trainer: {path in it: path}; its settings are written to `scratch`."""
    (scratch / FILE).write_bytes(documents.format(_settings(settings, model)))
    return {
        "Dockerfile": platform(settings.root) / "functions" / "Dockerfile",
        **{f"{use}.lock": compile_lock(settings, model, use) for use in USES},
        COMMAND: platform(settings.root) / LAUNCHER,
        **{f"platform/{path}": file for path, file in _platform_files(platform(settings.root)).items()},
        f"repository/{FILE}": scratch / FILE,
        **{f"repository/{path}": file for path, file in _repository_files(settings, model).items()},
    }


def _platform_files(root: Path) -> dict[str, Path]:
    """Return the platform's files, with the function's: a fresh model is served before it is published."""
    return {
        **{f"src/slipway/{path}": file for path, file in digests.walk(root / "src" / "slipway").items()},
        **{path: root / path for path in ("functions/Dockerfile", "functions/predict/main.py", LAUNCHER)},
    }


def _repository_files(settings: Settings, model: str) -> dict[str, Path]:
    """Return the model's folder, the shared code that it or its tests import, and its data from elsewhere."""
    root, folder = settings.root, settings.folder(model)
    own = {
        file
        for path, file in digests.walk(folder).items()
        if not any(part.startswith(".") for part in Path(path).parts) and file.resolve().is_relative_to(root)
    }
    shared = closure(root, [file for file in own if file.suffix == ".py"], "model")
    found = {*own, *shared, *model_files(settings, model).values(), *_data(settings, model)}
    return {file.relative_to(root).as_posix(): file for file in sorted(found)}


def _data(settings: Settings, model: str) -> list[Path]:
    source = data_source(settings, model)
    path = local_path(source.uri, settings.root) if source else None
    if path is None or not path.resolve().is_relative_to(settings.root):
        return []
    # The file of today is not there yet, so those of all days are taken; a day may be the name of a folder.
    inside = os.path.relpath(path, settings.root)
    kind = "*".join(map(glob.escape, inside.split("{date}")))
    return [file for file in settings.root.glob(kind) if file.is_file()]


def _settings(settings: Settings, model: str) -> dict[str, Any]:
    own = {name: value for name, value in msgspec.to_builtins(settings.model(model)).items() if name in _TRAINING}
    return {
        "environments": _given(msgspec.to_builtins(settings.environments)),
        "branch": settings.branch,
        "base_image": settings.base_image,
        "models": {model: _given(own)},
    }


def _given(value: Any) -> Any:
    """Return settings without the keys that are not set."""
    if isinstance(value, dict):
        return {key: _given(each) for key, each in value.items() if each is not None}
    return value
