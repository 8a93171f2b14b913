"""Models in any language: a container that speaks the Open Inference Protocol, held to a contract.

`functions/README.md` ("Other languages") has the contract. The training steps learn the schema of such a model, measure
it and keep its golden predictions; its releases run the container itself.
"""

from __future__ import annotations

from slipway.model import Model
from slipway.models import discovery
from slipway.models.data import features
from slipway.settings import Settings

__all__ = ["class_of"]


def class_of(settings: Settings, name: str) -> type[Model]:
    """Return the class of a model: of the container that slipway.yaml names, or else of the model's folder.

    Raise `SlipwayError` as `discovery.load_class` does.
    """
    of = settings.model(name)
    if of.image is None:
        return discovery.load_class(settings, name)
    from slipway.containers.model import ContainerModel  # imports the engines, which other models do without

    own = {
        "__module__": ContainerModel.__module__,
        "__doc__": ContainerModel.__doc__,
        "__wrapped__": ContainerModel,
        "declared": (name, of.image),
        "source_features": features(settings, name, of.target or ""),
        "target_variable": of.target or "",
    }
    return type(ContainerModel.__name__, (ContainerModel,), own)
