"""The record of a declared training, and where it is in the repository."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta, Struct, field

from slipway.gitops.snapshot import Snapshot
from slipway.models.training_digest import run_name
from slipway.overlays import documents
from slipway.overlays.overlay import RECORD
from slipway.overlays.types import Digest, folder_of
from slipway.settings import Announce, SecretRef, TrainingSettings

__all__ = ["USUAL", "Training", "TrainingService", "folder", "name_of", "read"]

USUAL = ("accuracy", "balanced_accuracy", "f1_macro", "mae", "r2", "rmse")
"""What `slipway.training.metrics` measures, of classes and of quantities."""


class TrainingService(Struct, frozen=True, kw_only=True):
    """What the record of a declared training has of its service; keys of a newer writer are passed over."""

    parameters: dict[str, bool | int | float | str] = field(default_factory=dict)
    """The model's own, with the values that they have unless given."""


class Training(Struct, frozen=True, kw_only=True):
    """What is known of a declared training, as its `record.yaml` holds it; keys of a newer writer are passed over."""

    digest: Digest
    """The training digest of the code."""
    image: str
    """The trainer."""
    fingerprint: str = ""
    """That of the trainer."""
    repository: str = ""
    """Digest of what the trainer has of the checkout, which covers data, tests and gates as well."""
    commit: str
    """The commit that it was made from."""
    branch: str = ""
    """The branch that was built."""
    run: str = ""
    """The address of the run that declared it; empty where that was no pipeline's."""
    created: str
    """When this digest was declared, RFC 3339, UTC, seconds: not changed by newer settings for it."""
    by: str
    deployed: Annotated[int, Meta(ge=1)] | None = None
    """The version to compare with."""
    schedule: str | None = None
    """When to train again, as cron writes it."""
    secrets: dict[str, SecretRef] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    """Those of the environment."""
    settings: TrainingSettings = field(default_factory=TrainingSettings)
    store: str = ""
    """Where the artifacts are: `gs://bucket/prefix`."""
    announce: Announce | None = None
    platform: str = ""
    """The platform's own image, which says how a run ended, and is what the service runs."""
    platform_fingerprint: str = ""
    scores: list[str] = field(default_factory=lambda: list(USUAL))
    """The metrics that its workflow tells Prometheus."""
    service: TrainingService | None = None
    """The function that starts trainings, where the model has one."""


def folder(environment: str, model: str) -> str:
    """Where a declared training is, within the repository."""
    return f"{folder_of(environment, model)}/training"


def name_of(model: str, training: Training) -> str:
    """`train-iris-1a2b3c4d`: the workflow that runs once for this training digest."""
    return run_name(model, training.digest)


def read(snapshot: Snapshot, environment: str, model: str) -> Training | None:
    """Return the training that is declared for a model, if any; raise `SlipwayError` on a damaged record."""
    path = f"{folder(environment, model)}/{RECORD}"
    content = snapshot.read(path)
    if content is None:
        return None
    try:
        return msgspec.convert(documents.parse(content, path), Training)
    except msgspec.ValidationError as error:
        raise documents.damaged(path, f"does not hold what slipway writes there: {error}") from error
