"""The bundles of images that hold the platform's code: a model's trainer, and the platform's own image.

    Dockerfile  train.lock  serve.lock  estimators.lock  onnx.lock  mixed.lock  locks.py  wheels/
    platform/  repository/

`platform/` holds the platform's code. `repository/` holds the model's folder with tests and data, the shared code, a
`slipway.yaml` of this model only, and `trainer.json`, which lists the components of the trainer.

The platform's own image verifies releases and starts trainings. Its bundle has `platform.lock` as only lock, and no
`repository/`. It holds nothing of a model or an environment, so that one image serves all of them.
"""

from __future__ import annotations

import glob
import os.path
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from packaging.requirements import Requirement

from slipway import digests
from slipway.images import bundle
from slipway.images.bundle import Bundle
from slipway.models import environment, indexes, wheels
from slipway.models.data import data_source, local_path
from slipway.models.discovery import model_files, training_digest
from slipway.models.imports import closure
from slipway.overlays import documents
from slipway.settings import FILE, Settings
from slipway.store.records import encode

T = TypeVar("T")

NAME = "slipway"
"""The name of the platform's own image: `<registry>/slipway`."""

# The platform's own image makes no environment of a model, and lists no image.
_LEFT_OUT = ("cyclonedx-python-lib", "uv")

# The settings of a model that decide how it is trained; others may change without a new image.
_TRAINING = frozenset(
    {"folder", "train", "data", "target", "features", "parameters", "secrets", "gates", "held_out", "split", "convert"}
    | {"base_image"}
)

# A trainer serves a fresh model before it is published.
_FUNCTION = ("functions/Dockerfile", "functions/predict/main.py", bundle.LAUNCHER)


def make(settings: Settings, target: Path) -> Bundle:
    """Make the bundle of the platform's own image in the new folder `target`.

    The same code and lock give the same bytes. Raise `SlipwayError` when the lock cannot be made.
    """
    root = bundle.platform_root(settings)
    training = digests.walk(root / "functions" / "training")
    code = {**_package(root), **_within("platform/functions/training", training)}
    packages = sorted(environment.platform_packages("release"))
    wanted = [text for text in packages if Requirement(text).name not in _LEFT_OUT]
    lock = environment.locked(wanted, root / "requirements.lock", "the platform's own image")
    components = {
        "environment": digests.of_file(lock),
        "platform code": digests.of_files(bundle.digests_of(code)),
        "base image": digests.of_value(settings.base_image),
    }
    bundle.write(target, {**code, "platform.lock": lock}, {})
    return Bundle(target, "platform", NAME, settings.base_image, components)


def make_trainer(settings: Settings, model: str, target: Path) -> Bundle:
    """Make the bundle of a model's trainer in the new folder `target`.

    The same code and settings give the same bytes. Raise `SlipwayError` when the model's code or requirements cannot be
    read, or its requirements contradict each other.
    """
    root = bundle.platform_root(settings)
    base_image = bundle.base_image(settings, model)
    locks = {f"{use}.lock": environment.compile_lock(settings, model, use) for use in environment.USES}
    brought = {name: wheel for lock in locks.values() for name, wheel in wheels.beside(lock).items()}
    code = {**_package(root), **_within("platform", {path: root / path for path in _FUNCTION})}
    components = {
        "training": training_digest(settings, model),
        "environments": digests.of_files(bundle.digests_of(locks)),
        "platform code": digests.of_files(bundle.digests_of(code)),
        "repository": repository_digest(settings, model),
        "base image": digests.of_value(base_image),
    }
    made = Bundle(target, "train", model, base_image, components)
    about = {"model": model, "fingerprint": made.fingerprint, "components": components}
    more = {FILE: documents.format(_settings(settings, model)), "trainer.json": encode(about)}
    own = _repository_files(settings, model)
    bundle.write(target, {**locks, **brought, **code, **_within("repository", own)}, _within("repository", more))
    return made


def repository_digest(settings: Settings, model: str) -> str:
    """Return the digest of `repository/`: the model's folder, the shared code, its data, its settings."""
    own = bundle.digests_of(_repository_files(settings, model))
    return digests.of_files({**own, FILE: digests.of_bytes(documents.format(_settings(settings, model)))})


def _package(root: Path) -> dict[str, Path]:
    """Return the platform's own code, which is in both bundles, by its path there."""
    package = digests.walk(root / "src" / "slipway")
    own = {**bundle.installing(root), bundle.COMMAND: root / bundle.LAUNCHER}
    return {**own, **_within("platform/src/slipway", package)}


def _within(folder: str, found: Mapping[str, T]) -> dict[str, T]:
    return {f"{folder}/{path}": each for path, each in found.items()}


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
    kind = "*".join(map(glob.escape, os.path.relpath(path, settings.root).split("{date}")))
    return [file for file in settings.root.glob(kind) if file.is_file()]


def _settings(settings: Settings, model: str) -> dict[str, Any]:
    own = {name: value for name, value in msgspec.to_builtins(settings.model(model)).items() if name in _TRAINING}
    return {
        "environments": _given(msgspec.to_builtins(settings.environments)),
        "branch": settings.branch,
        "base_image": settings.base_image,
        **({"indexes": used} if (used := indexes.used(settings, model)) else {}),
        "models": {model: _given(own)},
    }


def _given(value: Any) -> Any:
    """Return settings without the keys that are not set."""
    if isinstance(value, dict):
        return {key: _given(each) for key, each in value.items() if each is not None}
    return value
