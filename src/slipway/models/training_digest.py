"""The training digest: one value for everything that decides what training makes, data aside; and what bears it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slipway import digests
from slipway.models.discovery import model_files
from slipway.models.requirements import read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slipway.model import Parameter
    from slipway.settings import Settings

__all__ = ["run_name", "training_digest"]


def training_digest(settings: Settings, name: str, parameters: Mapping[str, Parameter] | None = None) -> str:
    """The digest (64 hexadecimal digits) of a model's code, shared code, requirements and parameters.

    `parameters` go before those of the settings: a training with others is not what the code as it stands asks for.

    Raises `SlipwayError` for an unknown model, or one whose code or requirements cannot be read.
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
    """`train-iris-1a2b3c4d`: the run that is declared for a training digest."""
    return f"train-{model}-{digest[:8]}"
