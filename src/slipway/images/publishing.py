"""A folder that people made, published as a version once it is sure that the version can be served and released.

A training proves that in its step `evaluate`; here the same is done for a folder by hand.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

from slipway import settings as settings_file
from slipway.artifacts import golden, manifest
from slipway.errors import SlipwayError
from slipway.images import bundle, running
from slipway.settings import Settings
from slipway.settings.types import secrets_for
from slipway.store import Record, store_of
from slipway.store.blobs import files_of

_IMPORTED = (".joblib", ".onnx", ".pickle", ".pkl", ".skops")
_MLFLOW = "MLmodel"
_TRAIN = "slipway train {model} makes artifacts; slipway.save(estimator, X, y, {model!r}) in a notebook makes a model"


def publish(
    model: str,
    folder: str | Path,
    *,
    env: str = "test",
    metadata: Mapping[str, str] | None = None,
    root: str | Path | None = None,
) -> Record:
    """Publish the folder of an artifact as the next version of a model and return its record.

    `root` is the repository; the default is the one that contains the working directory. Raise `SlipwayError` when the
    folder is no artifact, or cannot be served: nothing is published then.
    """
    return publish_in(
        settings_file.load(None if root is None else Path(root)), model, Path(folder), env, metadata or {}
    )


def publish_in(
    settings: Settings,
    model: str,
    folder: Path,
    environment: str,
    metadata: Mapping[str, str] = MappingProxyType({}),
    *,
    python: Path | None = None,
) -> Record:
    """Publish a folder in a repository; see `publish`. `python` serves it in place of an environment of its own."""
    of = settings.model(model)
    fix = f"publish it for {{source}}, release it there, and then: slipway promote --to {environment}"
    settings.refuse_promoted(environment, fix)
    if of.image is not None:
        problem = f"{model} is answered by the container {of.image}, and not by an artifact"
        raise SlipwayError(problem, fix=f"slipway train {model} publishes a version of it")
    with TemporaryDirectory(prefix="slipway-") as scratch:
        artifact = _copied(folder, Path(scratch) / "artifact")
        _check(artifact, folder, model)
        try:
            made = bundle.make_local(settings, model, artifact, Path(scratch) / "bundle")
            with running.serve(made, secrets_for(of.secrets, "serving"), python=python):
                pass
        except SlipwayError as error:
            problem = f"{folder} cannot be served, and is not published: {error.problem}"
            raise SlipwayError(problem, fix=error.fix or _TRAIN.format(model=model)) from error
        return store_of(settings, environment).publish(model, artifact, record={"metadata": dict(metadata)})


def _copied(folder: Path, target: Path) -> Path:
    """Copy the files of a folder, so that what is published is what was served."""
    for name, path in files_of(folder).items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / name)
    return target


def _check(artifact: Path, folder: Path, model: str) -> None:
    """Raise `SlipwayError` for a folder that is no artifact, or that no release could be verified by."""
    if not (artifact / manifest.FILE).is_file():
        problem = f"{folder} is no artifact, as it has no {manifest.FILE}: it could be neither served nor released"
        raise SlipwayError(problem, fix=_way(artifact, folder, model))
    manifest.read(artifact)
    if not manifest.read_file(artifact, golden.FILE, golden.Golden).rows:
        problem = f"{folder} has no golden predictions, and releases are verified by them"
        raise SlipwayError(problem, fix=_TRAIN.format(model=model))


def _way(artifact: Path, folder: Path, model: str) -> str:
    """Return how a folder with a model in it becomes one that is served."""
    found = sorted(path.relative_to(artifact) for path in artifact.rglob("*") if path.suffix in _IMPORTED)
    if (artifact / _MLFLOW).is_file():
        what: str | Path = folder
    elif found:
        what = folder / found[0]
    else:
        return _TRAIN.format(model=model)
    return (
        f"slipway import {what} NAME --data ROWS.csv --target COLUMN makes a model of it, which slipway train publishes"
    )
