"""A container that somebody else built, pulled and started on this machine."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from slipway.errors import SlipwayError
from slipway.functions import commands, confined, engines

__all__ = ["READY", "serve", "user_of"]

READY = "/v2/health/ready"


@contextmanager
def serve(image: str, *, model_id: str, release: str) -> Iterator[str]:
    """The address of the image's container, which runs until the block ends, as little privileged as in a cluster.

    Raises `SlipwayError` when no engine works here, the image cannot be pulled, or the container does not get ready.
    """
    engine = engines.find().name
    _pull(engine, image)  # which may take longer than a start is given
    told = {"MODEL_ID": model_id, "RELEASE": release}
    if engine == "buildah":
        started = confined.begun(image, _command(image), told, ready=READY)
    else:
        started = confined.published(engine, image, told, ready=READY)
    with started as url:
        yield url


def user_of(image: str) -> str:
    """As which user the image's container runs; the image is pulled unless it is here."""
    engine = engines.find().name
    _pull(engine, image)
    if engine == "buildah":
        return str(_config(image).get("User") or "")
    return commands.run(engine, "image", "inspect", "--format", "{{.Config.User}}", image).strip()


def _pull(engine: str, image: str) -> None:
    """Pull the image unless it is here; buildah looks by itself."""
    if engine == "buildah" or not commands.works(engine, "image", "inspect", image):
        without = [] if engine == "docker" else engines.plain(image)
        commands.run(engine, "pull", "--quiet", *without, image)


def _command(image: str) -> list[str]:
    """What the image says to start: buildah itself starts only what it is told to."""
    config = _config(image)
    found = [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]
    if not found:
        raise SlipwayError(f"{image} says nothing to start", fix="give it an ENTRYPOINT")
    return found


def _config(image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(commands.run("buildah", "inspect", "--type", "image", image))["OCIv1"]["config"]
    return found
