"""From a bundle to an image that a cluster can pull, behind one small interface."""

from typing import TYPE_CHECKING, Protocol

from slipway import discovery
from slipway.artifacts import golden, manifest
from slipway.release import engines, verify
from slipway.training import environment, test

if TYPE_CHECKING:
    from collections.abc import Callable

    from slipway.release.bundle import Bundle
    from slipway.release.engines import Engine
    from slipway.settings import Settings

__all__ = ["UNBUILT", "Builder", "Built", "Unbuilt", "builder_for", "is_unbuilt"]

UNBUILT = "unbuilt.invalid"
"""A registry that cannot exist (RFC 2606): no cluster pulls from it."""


class Builder(Protocol):
    """Makes the image of a bundle, once per fingerprint."""

    def build(self, bundle: "Bundle", name: str) -> str:
        """The image as `<registry>/<name>@sha256:<digest>`, which can be pulled from now on."""


class Unbuilt:
    """Where there is no engine: names the image that would be, by the fingerprint, and builds nothing."""

    def build(self, bundle: "Bundle", name: str) -> str:
        """The name of an image that nobody built."""
        return f"{UNBUILT}/{name}@sha256:{bundle.fingerprint}"


class Built:
    """Builds with a container engine, holds the image to its golden predictions, and pushes it.

    Nothing is pushed that does not start, or predicts otherwise than when it was trained, or fails the model's own
    served tests.
    """

    def __init__(self, settings: "Settings", registry: str, engine: "Engine", report: "Callable[[str], None]") -> None:
        self.settings, self.registry, self.engine, self.report = settings, registry, engine, report

    def build(self, bundle: "Bundle", name: str) -> str:
        """See `Builder.build`; raises `SlipwayError` with what the engine or the function said."""
        tag = f"{self.registry}/{name}:{bundle.fingerprint[:12]}"
        self.report(f"{name}: building {tag} with {self.engine.name}")
        self.engine.build(bundle.folder, tag, self._arguments(bundle))
        with self.engine.run(tag) as url:
            found = manifest.read(bundle.folder / "artifact")
            verify.hold(
                url, manifest.read_file(bundle.folder / "artifact", golden.FILE, golden.Golden), found.tolerance
            )
            self._test(url, bundle.model)
        return f"{self.registry}/{name}@{self.engine.push(tag)}"

    def _arguments(self, bundle: "Bundle") -> dict[str, str]:
        base = self.settings.model(bundle.model).base_image or self.settings.base_image
        return {"BASE_IMAGE": base, "MODEL": bundle.model, "FINGERPRINT": bundle.fingerprint}

    def _test(self, url: str, model: str) -> None:
        if discovery.asks_for_url(self.settings, model):
            python = environment.python_for(environment.compile_lock(self.settings, model, "train"))
            test.pytest(self.settings.root, self.settings.folder(model), f"--served-url={url}", python=python)


def builder_for(settings: "Settings", name: str, report: "Callable[[str], None]") -> Builder:
    """What makes the images of an environment: an engine where `slipway.yaml` names a registry."""
    registry = settings.environment(name).registry
    return Unbuilt() if registry == UNBUILT else Built(settings, registry, engines.find(), report)


def is_unbuilt(image: str) -> bool:
    """Whether an image was only named."""
    return image.startswith(f"{UNBUILT}/")
