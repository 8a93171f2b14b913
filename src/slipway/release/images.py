"""From a bundle to an image that a cluster can pull, behind one small interface."""

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from slipway.release.bundle import Bundle

__all__ = ["UNBUILT", "Builder", "Unbuilt", "is_unbuilt"]

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


def is_unbuilt(image: str) -> bool:
    """Whether an image was only named."""
    return image.startswith(f"{UNBUILT}/")
