"""The record of a declared training, and where it is in the repository."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

from slipway.gitops.snapshot import Snapshot
from slipway.overlays import documents
from slipway.overlays.overlay import RECORD
from slipway.overlays.types import Digest, folder_of
from slipway.settings import Announce, SecretRef, TrainingSettings

__all__ = ["USUAL", "Training", "TrainingService", "folder", "read"]

USUAL = ("accuracy", "balanced_accuracy", "f1_macro", "mae", "r2", "rmse")
"""The metrics that `slipway.training.metrics` measures for classifiers and regressors."""


class TrainingService(Struct, frozen=True, kw_only=True):
    """Hold the training service part of a training's record; unknown keys of a newer writer are ignored."""

    parameters: dict[str, bool | int | float | str] = field(default_factory=dict)
    """The model's parameters with their default values."""


class Training(Struct, frozen=True, kw_only=True):
    """Hold the `record.yaml` of a declared training; unknown keys of a newer writer are ignored."""

    digest: Digest
    """The training digest of the code."""
    image: str
    """The image of the trainer."""
    fingerprint: str = ""
    """The fingerprint of the trainer."""
    repository: str = ""
    """The digest of the trainer's part of the checkout, which also covers data, tests and gates."""
    commit: str
    """The commit that the training was declared from."""
    branch: str = ""
    """The branch that was built."""
    run: str = ""
    """The address of the CI run that declared the training; empty outside CI."""
    created: str
    """The time of the digest's first declaration (RFC 3339, UTC, seconds); newer settings do not change it."""
    by: str
    deployed: Annotated[int, Meta(ge=1)] | None = None
    """The deployed version to compare the new one with."""
    schedule: str | None = None
    """The cron schedule of repeated training."""
    secrets: dict[str, SecretRef] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    """The variables of the environment."""
    settings: TrainingSettings = field(default_factory=TrainingSettings)
    store: str = ""
    """The store of the artifacts, such as `gs://bucket/prefix`."""
    announce: Announce | None = None
    platform: str = ""
    """The image of the platform, which reports the end of a run and runs the training service."""
    platform_fingerprint: str = ""
    scores: list[str] = field(default_factory=lambda: list(USUAL))
    """The metrics that the workflow exposes to Prometheus."""
    service: TrainingService | None = None
    """The function that starts trainings, if the model has one."""


def folder(environment: str, model: str) -> str:
    """Return the folder of a declared training within the repository."""
    return f"{folder_of(environment, model)}/training"


def read(snapshot: Snapshot, environment: str, model: str) -> Training | None:
    """Return the declared training of a model, if any. Raise `SlipwayError` for a damaged record."""
    path = f"{folder(environment, model)}/{RECORD}"
    content = snapshot.read(path)
    if content is None:
        return None
    try:
        return msgspec.convert(documents.parse(content, path), Training)
    except msgspec.ValidationError as error:
        raise documents.damaged(path, f"does not hold what slipway writes there: {error}") from error
