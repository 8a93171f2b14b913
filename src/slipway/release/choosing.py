"""Which version of a model is to be released: what is due, or what a person chose."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from slipway.errors import SlipwayError
from slipway.release.due import Decision, due, held
from slipway.release.making import fingerprint_of
from slipway.training.digest import training_digest

if TYPE_CHECKING:
    from slipway.overlays.overlay_types import Overlay
    from slipway.settings import Settings
    from slipway.store import Store

__all__ = ["Choice", "check_environment", "choose", "decide", "names_of"]


class Choice(NamedTuple):
    """What a person asked for, instead of what is due."""

    version: int | None = None
    where: Mapping[str, str] = {}
    """Metadata of the version: the newest that has all of them."""
    traffic: int = 100
    """The share in percent that a new release gets."""
    explicit: bool = False
    """Whether a version was chosen, by whatever means."""

    @classmethod
    def of(cls, version: int | None, where: Mapping[str, str], traffic: int = 100) -> "Choice":
        """What these three say."""
        return cls(version, where, traffic, version is not None or bool(where))


def check_environment(settings: "Settings", environment: str) -> None:
    """Raise `SlipwayError` for an environment that takes only what another has verified: nothing is released there."""
    settings.refuse_promoted(environment, f"slipway promote MODEL --to {environment}")


def names_of(settings: "Settings", models: Sequence[str], environment: str, choice: Choice) -> list[str]:
    """The models that are meant, sorted; raises `SlipwayError` for what cannot be released like that."""
    check_environment(settings, environment)
    if choice.version is not None and len(models) != 1:
        raise SlipwayError("--version is the version of one model", fix="name the model: slipway release MODEL …")
    if not 1 <= choice.traffic <= 100:
        raise SlipwayError(f"{choice.traffic} % is no share of the requests", fix="give 1 to 100")
    for name in models:
        settings.model(name)
    found = sorted(set(models)) or settings.models()
    if not found:
        raise SlipwayError("there is no model", fix="slipway new NAME makes one")
    return found


def decide(settings: "Settings", model: str, store: "Store", overlay: "Overlay", newest: int | None = None) -> Decision:
    """What is due of a model in an environment, by its settings, its code, its store and its overlay.

    Versions above `newest` are passed over; where one of them is released already, nothing is due.
    """
    of = settings.model(model)
    if "predict" not in of.services:
        return Decision(None, "it does not predict (services in slipway.yaml)")
    pin = of.pin.get(overlay.environment)
    released = overlay.releases[0].version if overlay.releases else 0
    if newest is not None and released > newest and pin is None and overlay.hold is None:
        return Decision(None, f"v{released} was released since")
    versions = [version for version in reversed(store.versions(model)) if newest is None or version <= newest]
    digest = None if of.train == "manual" or overlay.hold else training_digest(settings, model)
    return due(
        overlay,
        (store.record(model, version) for version in versions),
        digest=digest,
        pin=pin,
        fingerprint=lambda record: fingerprint_of(settings, record),
    )


def choose(choice: Choice, settings: "Settings", model: str, store: "Store", overlay: "Overlay") -> Decision:
    """What a person chose, or what is due; raises `SlipwayError` when a hold stops what was chosen."""
    if not choice.explicit:
        return decide(settings, model, store, overlay)
    if overlay.hold is not None:
        fix = f"slipway lift {model} --env {overlay.environment}, when the reason is gone"
        raise SlipwayError(held(overlay.hold), fix=fix)
    record = store.find(model, version=choice.version, where=choice.where)
    serving = overlay.serving()
    reason = f"v{record.version} was asked for"
    if serving is not None and record.version < serving.version:
        reason += (
            f", although v{serving.version} is newer: it stays until a version comes that is newer than both, or longer"
            f" where slipway.yaml pins it (pin: {{{overlay.environment}: {record.version}}})"
        )
    return Decision(record, reason)
