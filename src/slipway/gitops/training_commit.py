"""The commit that declares a training: its files and its message."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.gitops import edits, training_folder
from slipway.gitops.branches import Stand
from slipway.gitops.snapshot import Snapshot
from slipway.gitops.training_folder import measured
from slipway.gitops.training_record import Training, TrainingService, folder, read
from slipway.gitops.training_service import is_wanted
from slipway.images import trainer
from slipway.model import Parameter
from slipway.models.training_digest import run_name
from slipway.overlays.types import Overlay
from slipway.store.records import run_url

__all__ = ["declare", "facts"]

# Changes of these fields, the deployed version included, need no new declaration.
_OF_ITS_MAKING = ("branch", "by", "commit", "created", "deployed", "fingerprint", "platform_fingerprint", "run")


def declare(
    snapshot: Snapshot,
    stand: Stand,
    overlay: Overlay,
    image: str,
    *,
    digest: str,
    fingerprint: str = "",
    platform: str = "",
    platform_fingerprint: str = "",
    parameters: Mapping[str, Parameter] | None = None,
) -> dict[str, bytes | None]:
    """Return the files to write, and to remove (None), that declare a training by the trainer `image`.

    `digest` is the training digest, `fingerprint` that of the trainer, `platform` the image of the platform.
    `parameters` are the model's parameters, used only for a training service. Return no files when this training is
    declared already. Raise `SlipwayError` when `workflows/train` does not render.
    """
    settings, repository = snapshot.settings, snapshot.repository
    environment, model = overlay.environment, overlay.model
    of, at, serving = settings.model(model), settings.environment(environment), overlay.serving()
    service = TrainingService(parameters=dict(parameters or {})) if is_wanted(settings, model) else None
    before = read(snapshot, environment, model)
    training = Training(
        digest=digest,
        image=image,
        fingerprint=fingerprint,
        repository=trainer.repository(settings, model),
        commit=stand.code.commit,
        branch=stand.code.branch,
        run=run_url(),
        created=edits.now() if before is None or before.digest != digest else before.created,
        by=repository.identity(),
        deployed=serving.version if serving else None,
        schedule=of.schedule,
        secrets=of.secrets,
        variables=at.variables,
        settings=of.training,
        scores=measured(of.gates),
        store=at.store,
        announce=at.announce,
        platform=platform,
        platform_fingerprint=platform_fingerprint,
        service=service,
    )
    if before is not None and _content(before) == _content(training):
        return {}
    base = repository.files(stand.code.commit, training_folder.BASE)
    files = training_folder.files(base, environment, model, overlay.namespace, training, settings.root)
    return snapshot.differing(folder(environment, model), files)


def facts(model: str, digest: str, image: str, reason: str) -> dict[str, str]:
    """Return the facts about a declared training for its commit message."""
    return {"Training": run_name(model, digest), "Why": reason, "Trainer": image}


def _content(training: Training) -> tuple[object, ...]:
    """Return the fields that make a training different; its author, time and commit do not."""
    return tuple(getattr(training, name) for name in training.__struct_fields__ if name not in _OF_ITS_MAKING)
