"""What a build settled, as a file: `slipway build` writes it, and `slipway release --built` commits what it says."""

from pathlib import Path

import msgspec
from msgspec import Struct

from slipway.errors import SlipwayError
from slipway.files import write
from slipway.release.images import Image
from slipway.store.records import encode

__all__ = ["FILE", "Made", "Plan", "Planned", "read", "save"]

FILE = "plan.json"


class Made(Struct, frozen=True, kw_only=True):
    """An image that the build made or found."""

    reference: str
    """`<registry>/<name>@sha256:<digest>`"""
    size: int = 0
    """Compressed bytes; 0 where nobody knows."""
    new: bool = False
    """Whether this build made it."""
    sbom: str = ""
    """The file beside the plan that lists what is in it."""

    @property
    def image(self) -> Image:
        """As builders give it."""
        return Image(self.reference, self.size)


class Planned(Struct, frozen=True, kw_only=True):
    """What a build settled for one model."""

    model: str
    result: str
    text: str
    version: int | None = None
    """To be released; None when nothing is."""
    fingerprint: str = ""
    function: Made | None = None
    digest: str = ""
    """The training digest of the code, where a training is to be declared."""
    because: str = ""
    """Why a training is to be declared."""
    trainer: Made | None = None
    trainer_fingerprint: str = ""
    parameters: dict[str, bool | int | float | str] = {}
    """The model's own, where its training service has to know them."""


class Plan(Struct, frozen=True, kw_only=True):
    """What a build settled, at which commit."""

    environment: str
    commit: str
    branch: str
    traffic: int = 100
    explicit: bool = False
    """Whether a person chose the version."""
    platform: Made | None = None
    """The platform's own image, where pods need it."""
    platform_fingerprint: str = ""
    models: list[Planned]

    def of(self, model: str) -> Planned:
        """What is planned for a model."""
        return next(planned for planned in self.models if planned.model == model)


def save(plan: Plan, folder: Path) -> Path:
    """Write a plan into its folder; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / FILE, encode(plan))
    return folder / FILE


def read(folder: Path) -> Plan:
    """The plan in a folder; raises `SlipwayError` when there is none, or it is damaged."""
    path = folder / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Plan)
    except FileNotFoundError as error:
        raise SlipwayError(f"{folder} holds no {FILE}", fix=f"slipway build --to {folder}") from error
    except msgspec.MsgspecError as error:
        raise SlipwayError(f"{path} is damaged: {error}", fix=f"slipway build --to {folder}") from error
