"""The training digest: the digest of everything but the data that decides what training makes."""

from __future__ import annotations

from collections.abc import Mapping

from slipway import digests
from slipway.model import Parameter
from slipway.models.discovery import model_files
from slipway.models.requirements import read
from slipway.settings import Settings

__all__ = ["run_name", "training_digest"]


def training_digest(settings: Settings, name: str, parameters: Mapping[str, Parameter] | None = None) -> str:
    """Return the digest (64 hexadecimal digits) of a model's code, shared code, requirements and parameters.

    `parameters` replace those of the settings. Raise `SlipwayError` for an unknown model, and for code or requirements
    that cannot be read.
    """
    of = settings.model(name)
    return digests.of_value(
        {
            "code": {path: digests.of_file(file) for path, file in model_files(settings, name).items()},
            "requirements": [] if of.image else read(settings.folder(name), settings.root),
            "parameters": {**of.parameters, **(parameters or {})},
            "held_out": of.held_out,
            **({"target": of.target, "features": of.features} if of.target is not None else {}),
            **({"image": of.image} if of.image is not None else {}),
            **({"convert": of.convert} if of.convert != "auto" else {}),
        }
    )


def run_name(model: str, digest: str) -> str:
    """Return the name of the declared training of a digest: `train-iris-1a2b3c4d`."""
    return f"train-{model}-{digest[:8]}"
